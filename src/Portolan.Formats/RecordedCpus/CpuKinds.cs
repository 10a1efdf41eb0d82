using System.Globalization;
using Portolan.Documents.Hosts;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.RecordedCpus;

/// <summary>
/// Where the CPUs of a dump differ: those of a hybrid processor, those of sockets that are not alike. What varies while a host runs
/// is no difference.
/// </summary>
internal static class CpuKinds
{
    private const int MostKindsTold = 8;
    private const int MostPlacesTold = 4;
    private const int MostNumbersTold = 4;

    /// <summary>One line for each kind of CPU that is not alike to the chosen one.</summary>
    public static IEnumerable<string> Remarks(IReadOnlyList<RecordedCpu> cpus, RecordedCpu chosen)
    {
        Kind? mine = null;
        List<(Kind Kind, List<RecordedCpu> Cpus)> others = [];
        foreach (RecordedCpu cpu in cpus)
        {
            if (ReferenceEquals(cpu, chosen) || (IsSame(cpu.Table(), chosen.Table()) && HasSameMsrs(cpu, chosen)))
            {
                continue;
            }

            Kind kind = KindOf(cpu);

            int known = others.FindIndex(other => other.Kind.IsLike(kind));
            if (known >= 0)
            {
                others[known].Cpus.Add(cpu);
            }
            else if (others.Count == MostKindsTold)
            {
                others.Add((kind, [cpu]));
                break;
            }
            else
            {
                others.Add((kind, [cpu]));
            }
        }

        foreach ((Kind kind, List<RecordedCpu> alike) in others.Take(MostKindsTold))
        {
            yield return $"{Names(alike)} from {chosen}: {Difference(mine ??= KindOf(chosen), kind)}";
        }

        if (others.Count > MostKindsTold)
        {
            yield return "further CPUs differ, too";
        }
    }

    private static bool HasSameMsrs(RecordedCpu cpu, RecordedCpu chosen)
        => MsrsOf(cpu) is var msrs && (msrs.Count == 0 || (MsrsOf(chosen) is var own && (own.Count == 0 || msrs.Equals(own))));

    private static Kind KindOf(RecordedCpu cpu) => new(RuntimeCpuidBits.Without(cpu.Table()), MsrsOf(cpu));

    private static MsrTable MsrsOf(RecordedCpu cpu) => cpu.FeatureMsrs();

    /// <summary>Do two tables say the same but for what varies while a host runs? Most CPUs of a dump do, so nothing is allocated.</summary>
    private static bool IsSame(CpuidTable one, CpuidTable other)
    {
        if (one.Count != other.Count)
        {
            return false;
        }

        for (int i = 0; i < one.Count; i++)
        {
            ref readonly CpuidEntry a = ref one.Entries[i];
            ref readonly CpuidEntry b = ref other.Entries[i];
            if (a == b)
            {
                continue;
            }

            CpuidValues varies = RuntimeCpuidBits.Of(a.Address);
            if (a.Address != b.Address
                || ((a.Values.Eax ^ b.Values.Eax) & ~varies.Eax) != 0 || ((a.Values.Ebx ^ b.Values.Ebx) & ~varies.Ebx) != 0
                || ((a.Values.Ecx ^ b.Values.Ecx) & ~varies.Ecx) != 0 || ((a.Values.Edx ^ b.Values.Edx) & ~varies.Edx) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static string Names(List<RecordedCpu> alike)
    {
        string names = string.Join(", ", alike.Take(MostNumbersTold));
        return alike.Count switch
        {
            1 => $"{names} differs",
            <= MostNumbersTold => $"{names} differ",
            _ => string.Create(CultureInfo.InvariantCulture, $"{names} and {alike.Count - MostNumbersTold} more differ"),
        };
    }

    private static string Difference(Kind one, Kind other)
    {
        List<string> found = [];
        foreach (CpuidAddress place in one.Cpuid.Select(static row => row.Address).Union(other.Cpuid.Select(static row => row.Address)).Order())
        {
            Compare(found, place, one.Cpuid, other.Cpuid);
        }

        foreach (uint index in one.Msrs.Select(static msr => msr.Index).Union(other.Msrs.Select(static msr => msr.Index)).Order())
        {
            if (one.Msrs.TryGet(index, out ulong a) && other.Msrs.TryGet(index, out ulong b) && a != b)
            {
                found.Add(string.Create(CultureInfo.InvariantCulture, $"{KnownMsrs.Describe(index)} 0x{a:x} against 0x{b:x}"));
            }
        }

        return found.Count <= MostPlacesTold
            ? string.Join(", ", found)
            : string.Join(", ", found.Take(MostPlacesTold)) + string.Create(CultureInfo.InvariantCulture, $" and {found.Count - MostPlacesTold} more");
    }

    private static void Compare(List<string> found, CpuidAddress place, CpuidTable one, CpuidTable other)
    {
        if (!one.Contains(place) || !other.Contains(place))
        {
            found.Add($"{place} only on {(one.Contains(place) ? "the first" : "the second")}");
            return;
        }

        CpuidValues a = one.GetOrZero(place.Leaf, place.Subleaf);
        CpuidValues b = other.GetOrZero(place.Leaf, place.Subleaf);
        foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>())
        {
            if (a[register] != b[register])
            {
                found.Add(string.Create(CultureInfo.InvariantCulture, $"{place}:{register.ToString().ToUpperInvariant()} 0x{a[register]:x8} against 0x{b[register]:x8}"));
            }
        }
    }

    private sealed record Kind(CpuidTable Cpuid, MsrTable Msrs)
    {
        /// <summary>Nothing tells them apart; a CPU whose MSRs were not read is like any other in them.</summary>
        public bool IsLike(Kind other) => Cpuid.Equals(other.Cpuid) && (Msrs.Count == 0 || other.Msrs.Count == 0 || Msrs.Equals(other.Msrs));
    }
}
