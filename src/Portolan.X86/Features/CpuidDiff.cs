using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>The difference of two CPUID tables, feature by feature.</summary>
public static class CpuidDiff
{
    private static readonly CpuidRegister[] Registers = [CpuidRegister.Eax, CpuidRegister.Ebx, CpuidRegister.Ecx, CpuidRegister.Edx];

    /// <summary>
    /// Every field with a name whose value differs and every differing bit without one, sorted by space, leaf, subleaf, register and
    /// bit. A row that a table lacks reads as zeros. Paravirtual leaves are compared from their own bases, wherever those are.
    /// </summary>
    /// <param name="left">One table.</param>
    /// <param name="right">The other.</param>
    /// <param name="includeRunTime">Report fields that KVM rewrites while a guest runs (contract C4) too?</param>
    public static IReadOnlyList<CpuidDifference> Compare(CpuidTable left, CpuidTable right, bool includeRunTime = false)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        List<CpuidDifference> found = [];
        foreach (CpuidSpace space in Enum.GetValues<CpuidSpace>())
        {
            SpaceView leftView = SpaceView.Of(left, space);
            SpaceView rightView = SpaceView.Of(right, space);
            SortedSet<CpuidAddress> addresses = [.. leftView.Addresses(), .. rightView.Addresses()];
            foreach (CpuidAddress address in addresses)
            {
                CompareRow(space, address, leftView.Values(address), rightView.Values(address), includeRunTime, found);
            }
        }

        return found;
    }

    private static void CompareRow(
        CpuidSpace space, CpuidAddress address, CpuidValues left, CpuidValues right, bool includeRunTime, List<CpuidDifference> found)
    {
        if (left == right)
        {
            return;
        }

        foreach (CpuidRegister register in Registers)
        {
            uint differing = left[register] ^ right[register];
            if (differing != 0)
            {
                int first = found.Count;
                AddNamed(space, address, register, left[register], right[register], includeRunTime, ref differing, found);
                AddUnnamed(space, address, register, left[register], differing, found);
                found.Sort(first, found.Count - first, Comparer<CpuidDifference>.Create((a, b) => a.LowBit.CompareTo(b.LowBit)));
            }
        }
    }

    private static void AddNamed(
        CpuidSpace space, CpuidAddress address, CpuidRegister register, uint left, uint right, bool includeRunTime, ref uint differing, List<CpuidDifference> found)
    {
        foreach (CpuidFeature feature in FeatureTable.Of(space, address.Leaf, register))
        {
            if ((feature.RegisterMask & differing) == 0 || !feature.Covers(address.Subleaf))
            {
                continue;
            }

            differing &= ~feature.RegisterMask;
            if (includeRunTime || !feature.VariesAtRunTime)
            {
                found.Add(new(space, address, register, feature.LowBit, feature.Width, feature, feature.ValueIn(left), feature.ValueIn(right)));
            }
        }
    }

    private static void AddUnnamed(
        CpuidSpace space, CpuidAddress address, CpuidRegister register, uint left, uint differing, List<CpuidDifference> found)
    {
        for (uint rest = differing; rest != 0; rest &= rest - 1)
        {
            int bit = System.Numerics.BitOperations.TrailingZeroCount(rest);
            uint value = left >> bit & 1;
            found.Add(new(space, address, register, bit, 1, null, value, value ^ 1));
        }
    }

    /// <summary>The rows of one space of a table, at addresses relative to its base.</summary>
    private readonly record struct SpaceView(CpuidTable Table, CpuidSpace Space, uint? Base, IReadOnlyList<uint> OtherBases)
    {
        private const uint BlockSize = 0x100;

        internal static SpaceView Of(CpuidTable table, CpuidSpace space)
            => new(
                table,
                space,
                HypervisorLeaves.BaseOf(table, space),
                [.. new[] { CpuidSpace.Kvm, CpuidSpace.HyperV }.Select(other => HypervisorLeaves.BaseOf(table, other)).OfType<uint>()]);

        internal IEnumerable<CpuidAddress> Addresses()
        {
            foreach (CpuidEntry entry in Table)
            {
                if (IsIn(entry.Address.Leaf))
                {
                    yield return entry.Address with { Leaf = entry.Address.Leaf - Base.GetValueOrDefault() };
                }
            }
        }

        internal CpuidValues Values(CpuidAddress relative)
        {
            uint leaf = Base.GetValueOrDefault() + relative.Leaf;
            return IsIn(leaf) ? Table.GetOrZero(leaf, relative.Subleaf) : default;
        }

        private bool IsIn(uint leaf)
            => Space == CpuidSpace.Cpu
                ? !OtherBases.Any(start => IsInBlock(leaf, start))
                : Base is uint start && IsInBlock(leaf, start);

        private static bool IsInBlock(uint leaf, uint start) => leaf >= start && leaf - start < BlockSize;
    }
}
