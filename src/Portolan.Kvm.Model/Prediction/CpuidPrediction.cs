using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>A predicted KVM_GET_SUPPORTED_CPUID.</summary>
/// <param name="Table">The answer.</param>
/// <param name="UnknownBits">The bits of it that are not known; null when all are.</param>
/// <param name="IsPartial">Is a leaf that it lacks unknown rather than absent?</param>
internal sealed record PredictedCpuid(CpuidTable Table, CpuidTable? UnknownBits, bool IsPartial);

/// <summary>
/// Puts a table together from what one release shows, and from what was seen under another: a register that the two releases
/// treat alike keeps what was seen, and so does one that was seen otherwise than its release shows it, for then a VMM made it.
/// </summary>
internal sealed class CpuidPrediction(ShownCpuid target, CpuidObservation? seen)
{
    private const uint ExtendedBase = 0x80000000;
    private const uint XsaveLeaf = 0xd;
    private const int LastComponent = 63;
    private const uint LargestGap = 0x40;

    private readonly PartialCpuid _cpuid = new();

    internal PredictedCpuid Predict()
    {
        uint? lastBasic = Number("max-basic-leaf");
        uint? lastExtended = Number("max-extended-leaf");
        AddRange(0, Math.Min(lastBasic ?? XsaveLeaf, LargestGap));
        uint kvm = HypervisorLeaves.UsualBase(CpuidSpace.Kvm);
        AddRange(kvm, kvm + 1);
        AddRange(ExtendedBase, Math.Min(lastExtended ?? ExtendedBase, ExtendedBase + LargestGap));
        foreach (CpuidAddress address in seen?.OutsideRanges(kvm + 1) ?? [])
        {
            Add(address.Leaf, address.Subleaf);
        }

        bool isPartial = lastBasic is null || lastExtended is null || (seen?.IsPartial ?? false);
        (CpuidTable table, CpuidTable? unknown) = _cpuid.ToTables(seen?.Table);
        return new(table, unknown, isPartial);
    }

    private void AddRange(uint first, uint last)
    {
        for (uint leaf = first; leaf <= last; leaf++)
        {
            foreach (uint subleaf in Subleaves(leaf).Distinct().Order())
            {
                Add(leaf, subleaf);
            }
        }
    }

    private void Add(uint leaf, uint subleaf)
    {
        foreach (CpuidRegister register in Exposure.Registers)
        {
            _cpuid.Learn(leaf, subleaf, register, Merge(leaf, subleaf, register));
        }

        // A register of which nothing is known is a row all the same.
        _cpuid.Learn(leaf, subleaf, CpuidRegister.Eax, KnownBits.Unknown);
    }

    private KnownBits Merge(uint leaf, uint subleaf, CpuidRegister register)
    {
        KnownBits shown = target.Word(leaf, subleaf, register);
        return seen is null ? shown : seen.Carry(leaf, subleaf, register, shown);
    }

    private uint? Number(string name)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        return Merge(feature.Address.Leaf, feature.Address.Subleaf, feature.Register).Field(feature.LowBit, feature.RegisterMask);
    }

    private IEnumerable<uint> Subleaves(uint leaf) => leaf switch
    {
        0x7 => Count(Number("max-subleaf-7") ?? 0),
        XsaveLeaf => Components(),
        0x1d => Count(Number("amx-max-palette") ?? 0),
        0x1e => Count(Number("amx-tmul-max-subleaf") ?? 0),
        0x24 => Count(Number("avx10-max-subleaf") ?? 0),
        0x4 or 0xb or 0x12 or 0x14 or 0x1f or 0x8000001d => (seen?.Subleaves(leaf) ?? target.CpuSubleaves(leaf)).Append(0u),
        _ => [0],
    };

    private static IEnumerable<uint> Count(uint last) => Enumerable.Range(0, (int)Math.Min(last, LargestGap) + 1).Select(subleaf => (uint)subleaf);

    private IEnumerable<uint> Components()
    {
        yield return 0;
        yield return 1;
        KnownBits user = Merge(XsaveLeaf, 0, CpuidRegister.Eax);
        KnownBits supervisor = Merge(XsaveLeaf, 1, CpuidRegister.Ecx);
        for (int component = 2; component <= LastComponent; component++)
        {
            bool maybe = component < 32
                ? user[component] != false || supervisor[component] != false
                : target.Xsave.Shows(component) != false;
            if (maybe)
            {
                yield return (uint)component;
            }
        }
    }
}

/// <summary>A table that was seen under a known release.</summary>
/// <param name="table">What was seen.</param>
/// <param name="unknown">The bits of it that are not known.</param>
/// <param name="isPartial">Is a leaf that it lacks unknown rather than absent?</param>
/// <param name="shownThere">What should have been seen.</param>
/// <param name="changes">What the target treats otherwise.</param>
internal sealed class CpuidObservation(CpuidTable table, CpuidTable? unknown, bool isPartial, ShownCpuid shownThere, CpuidChanges changes)
{
    private const uint ClassMask = 0xf0000000;

    internal CpuidTable Table => table;

    internal bool IsPartial => isPartial;

    internal IEnumerable<uint> Subleaves(uint leaf)
        => table.Entries.ToArray().Where(entry => entry.Address.Leaf == leaf).Select(entry => entry.Address.Subleaf);

    /// <summary>The leaves that are neither basic nor extended nor KVM's own: another interface's, which a VMM put there.</summary>
    internal IEnumerable<CpuidAddress> OutsideRanges(uint lastKvmLeaf)
        => table.Entries.ToArray().Select(entry => entry.Address).Where(address => (address.Leaf & ClassMask) switch
        {
            0 or 0x80000000 => false,
            _ => address.Leaf > lastKvmLeaf,
        });

    /// <summary>What stays of a register, and what the target's release makes new.</summary>
    internal KnownBits Carry(uint leaf, uint subleaf, CpuidRegister register, KnownBits shown)
    {
        KnownBits was = Seen(leaf, subleaf, register);
        KnownBits expected = shownThere.Word(leaf, subleaf, register);
        uint changed = changes.Bits(leaf, subleaf, register);
        uint contradicted = was.Known & expected.Known & (was.Value ^ expected.Value);
        uint made = changes.IsNumber(leaf, subleaf, register) && contradicted != 0 ? uint.MaxValue : contradicted;
        uint kept = was.Known & (~changed | made);
        return shown.With(kept, was);
    }

    private KnownBits Seen(uint leaf, uint subleaf, CpuidRegister register)
    {
        if (!table.TryGet(leaf, subleaf, out CpuidValues values))
        {
            uint start = leaf & ClassMask;
            bool inRange = table.TryGet(start, 0, out CpuidValues first) && leaf <= first.Eax;
            return inRange && !isPartial ? KnownBits.Zero : KnownBits.Unknown;
        }

        uint known = ~(unknown?.GetOrZero(leaf, subleaf)[register] ?? 0);
        return new KnownBits(values[register] & known, known);
    }
}
