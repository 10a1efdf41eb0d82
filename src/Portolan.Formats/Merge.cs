using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats;

/// <summary>
/// Several files that describe one host as one snapshot. Of two values the one with the better evidence stays, of equally good ones the
/// one of the file named first; where they differ, a remark names both.
/// </summary>
public sealed class Merge
{
    private const int MostPlacesTold = 4;
    private static readonly CpuidRegister[] Registers = Enum.GetValues<CpuidRegister>();
    private readonly List<string> _remarks = [];
    private readonly (string File, ImportedHost Host)[] _hosts;

    private Merge((string File, ImportedHost Host)[] hosts) => _hosts = hosts;

    /// <summary>Merges hosts, at least one. Files whose CPUs have another vendor or signature describe another host and are refused.</summary>
    /// <param name="hosts">The files by their names, in the user's order.</param>
    public static Reading<ImportedHost> Of(IReadOnlyList<(string File, ImportedHost Host)> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        ArgumentOutOfRangeException.ThrowIfZero(hosts.Count);
        Merge merge = new([.. hosts]);
        return merge.FindStranger() is { } fault ? Reading.Refused<ImportedHost>(fault) : Reading.Of(merge.Run());
    }

    private ImportedHost Run()
    {
        HostSnapshot host = MergeCpuid(_hosts[0].Host.Snapshot) with
        {
            NativeMsrs = MergeMsrs("the CPU's own MSRs", static host => host.NativeMsrs),
            FeatureMsrs = MergeMsrs("feature MSRs", static host => host.FeatureMsrs),
            PartlyKnownFeatureMsrs = MergePartlyKnown(),
            EmulatedCpuid = Best("emulated CPUID", static host => host.EmulatedCpuid),
            HypervCpuid = Best("Hyper-V CPUID", static host => host.HypervCpuid),
            Capabilities = Best("capabilities", static host => host.Capabilities, static (a, b) => a.SequenceEqual(b)),
            SavedMsrs = Best("list of saved MSRs", static host => host.SavedMsrs, static (a, b) => a.SequenceEqual(b)),
            FeatureMsrIndices = Best("list of feature MSRs", static host => host.FeatureMsrIndices, static (a, b) => a.SequenceEqual(b)),
            SupportedXcr0 = Best("XCR0", static host => host.SupportedXcr0),
            GuestPermission = Best("guest permission", static host => host.GuestPermission),
            HostXcr0 = Best("the host kernel's XCR0", static host => host.HostXcr0),
            SupportedXss = Best("IA32_XSS", static host => host.SupportedXss),
            MxcsrMask = Best("MXCSR_MASK", static host => host.MxcsrMask),
            KernelRelease = Best("kernel", static host => host.KernelRelease),
            KernelVersion = Best("kernel version", static host => host.KernelVersion),
            Microcode = Best("microcode", static host => host.Microcode),
            KvmModule = Best("KVM module", static host => host.KvmModule),
            ModuleParameters = Best("module parameters", static host => host.ModuleParameters, static (a, b) => a.SequenceEqual(b)),
            TscKhz = Best("TSC kHz", static host => host.TscKhz),
            Vmm = Best("VMM", static host => host.Vmm),
            MachineTypes = Best("machine types", static host => host.MachineTypes, static (a, b) => a.SequenceEqual(b)),
            Behaviours = MergeBehaviours(),
        };
        return new ImportedHost(host, [.. _hosts.SelectMany(static one => one.Host.Remarks.Select(remark => $"{one.File}: {remark}")), .. _remarks]);
    }

    private InputFault? FindStranger()
    {
        Cpuid[] all = [.. _hosts.Select(static one => Cpuid.Native(one) ?? Cpuid.Supported(one)).OfType<Cpuid>()];
        foreach (Cpuid other in all.Skip(1))
        {
            foreach ((CpuidAddress place, CpuidRegister register) in (ReadOnlySpan<(CpuidAddress, CpuidRegister)>)
                [(new(0, 0), CpuidRegister.Ebx), (new(0, 0), CpuidRegister.Ecx), (new(0, 0), CpuidRegister.Edx), (new(1, 0), CpuidRegister.Eax)])
            {
                uint differing = (all[0].Value(place, register) ^ other.Value(place, register)) & all[0].Known(place, register) & other.Known(place, register);
                if (differing != 0)
                {
                    return new InputFault(
                        other.File,
                        $"the CPU that {all[0].File} describes",
                        string.Create(CultureInfo.InvariantCulture, $"{place}:{register.ToString().ToUpperInvariant()} 0x{other.Value(place, register):x8} instead of 0x{all[0].Value(place, register):x8}: another CPU"),
                        "merge files of one host only");
                }
            }
        }

        return null;
    }

    private HostSnapshot MergeCpuid(HostSnapshot host)
    {
        Cpuid? native = MergeTables([.. _hosts.Select(Cpuid.Native).OfType<Cpuid>()], "the CPU's CPUID");
        Cpuid? supported = MergeTables([.. _hosts.Select(Cpuid.Supported).OfType<Cpuid>()], "supported CPUID");
        return host with
        {
            NativeCpuid = native?.Fact,
            UnknownNativeBits = native?.Unknown,
            NativeCpuidIsPartial = native?.IsPartial ?? false,
            SupportedCpuid = supported?.Fact,
            UnknownCpuidBits = supported?.Unknown,
            SupportedCpuidIsPartial = supported?.IsPartial ?? false,
        };
    }

    /// <summary>The best table, with the bits that it leaves open filled from the others.</summary>
    private Cpuid? MergeTables(Cpuid[] tables, string what)
    {
        if (tables.Length == 0)
        {
            return null;
        }

        Cpuid[] ordered = [.. tables.OrderBy(static table => table.Fact.Evidence.Quality).ThenBy(static table => table.IsPartial)];
        Cpuid merged = ordered[0];
        foreach (Cpuid other in ordered.Skip(1))
        {
            List<string> contradictions = [];
            merged = Fill(merged, other, contradictions);
            if (contradictions.Count > 0)
            {
                string more = contradictions.Count > MostPlacesTold ? string.Create(CultureInfo.InvariantCulture, $" and {contradictions.Count - MostPlacesTold} more") : "";
                _remarks.Add($"{what}: {ordered[0].File} and {other.File} contradict each other: {string.Join(", ", contradictions.Take(MostPlacesTold))}{more}; {ordered[0].File} is believed");
            }
        }

        return merged;
    }

    private static Cpuid Fill(Cpuid best, Cpuid other, List<string> contradictions)
    {
        List<CpuidEntry> values = [];
        List<CpuidEntry> unknown = [];
        bool isPartial = best.IsPartial && other.IsPartial;
        foreach (CpuidAddress place in best.Places.Union(other.Places).Order())
        {
            CpuidValues runtime = RuntimeCpuidBits.Of(place);
            CpuidValues row = default;
            CpuidValues open = default;
            foreach (CpuidRegister register in Registers)
            {
                uint known = best.Known(place, register);
                uint more = other.Known(place, register) & ~known;
                uint differing = (best.Value(place, register) ^ other.Value(place, register)) & known & other.Known(place, register) & ~runtime[register];
                if (differing != 0)
                {
                    contradictions.Add(string.Create(CultureInfo.InvariantCulture, $"{place}:{register.ToString().ToUpperInvariant()} 0x{best.Value(place, register):x8} against 0x{other.Value(place, register):x8}"));
                }

                row = row.With(register, (best.Value(place, register) & known) | (other.Value(place, register) & more));
                open = open.With(register, ~(known | more));
            }

            bool significant = best.IsSignificant(place) || other.IsSignificant(place);
            if (best.Fact.Value.Contains(place) || other.Fact.Value.Contains(place))
            {
                values.Add(new CpuidEntry(place, significant, row));
            }

            if (open != default)
            {
                unknown.Add(new CpuidEntry(place, significant, open));
            }
        }

        return best with
        {
            Fact = best.Fact with { Value = CpuidTable.From(values) },
            Unknown = unknown.Count == 0 ? null : CpuidTable.From(unknown),
            IsPartial = isPartial,
        };
    }

    private Fact<MsrTable>? MergeMsrs(string what, Func<HostSnapshot, Fact<MsrTable>?> factOf)
    {
        (string File, Fact<MsrTable> Fact)[] all = Ordered(factOf);
        if (all.Length == 0)
        {
            return null;
        }

        MsrTable merged = all[0].Fact.Value;
        foreach ((string file, Fact<MsrTable> fact) in all.Skip(1))
        {
            foreach (MsrValue msr in fact.Value)
            {
                if (!merged.TryGet(msr.Index, out ulong known))
                {
                    merged = merged.With(msr.Index, msr.Value);
                }
                else if (known != msr.Value)
                {
                    _remarks.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: {KnownMsrs.Describe(msr.Index)} is 0x{known:x} in {all[0].File}, 0x{msr.Value:x} in {file}; the first is believed"));
                }
            }
        }

        return all[0].Fact with { Value = merged };
    }

    /// <summary>Every bit that a file knows; of two answers to one bit the first counts.</summary>
    private Fact<ImmutableArray<PartlyKnownMsr>>? MergePartlyKnown()
    {
        (string File, Fact<ImmutableArray<PartlyKnownMsr>> Fact)[] all = Ordered(static host => host.PartlyKnownFeatureMsrs);
        SortedDictionary<uint, PartlyKnownMsr> merged = [];
        foreach ((string file, PartlyKnownMsr msr) in all.SelectMany(static one => one.Fact.Value.Select(msr => (one.File, msr))))
        {
            PartlyKnownMsr before = merged.GetValueOrDefault(msr.Index, new(msr.Index, 0, 0));
            ulong differing = (before.Value ^ msr.Value) & before.Known & msr.Known;
            if (differing != 0)
            {
                _remarks.Add(string.Create(CultureInfo.InvariantCulture, $"feature MSRs: bits 0x{differing:x} of {KnownMsrs.Describe(msr.Index)} are told otherwise in {file}; the first answer is believed"));
            }

            merged[msr.Index] = new(msr.Index, before.Value | (msr.Value & ~before.Known), before.Known | msr.Known);
        }

        return all.Length == 0 ? null : all[0].Fact with { Value = [.. merged.Values] };
    }

    private ImmutableSortedDictionary<string, Fact<string>> MergeBehaviours()
        => _hosts.SelectMany(static one => one.Host.Snapshot.Behaviours)
            .GroupBy(static row => row.Key, StringComparer.Ordinal)
            .ToImmutableSortedDictionary(static row => row.Key, static row => row.MinBy(static one => one.Value.Evidence.Quality).Value, StringComparer.Ordinal);

    private Fact<T>? Best<T>(string what, Func<HostSnapshot, Fact<T>?> factOf, Func<T, T, bool>? isEqual = null)
    {
        (string File, Fact<T> Fact)[] all = Ordered(factOf);
        foreach ((string file, Fact<T> fact) in all.Skip(1))
        {
            if (!(isEqual?.Invoke(all[0].Fact.Value, fact.Value) ?? EqualityComparer<T>.Default.Equals(all[0].Fact.Value, fact.Value)))
            {
                string values = all[0].Fact.Value is string one && fact.Value is string other ? $" {Printable.Quote(one)} in {all[0].File}, {Printable.Quote(other)} in {file}" : $" {all[0].File} and {file} differ";
                _remarks.Add($"{what}:{values}; {all[0].File} is believed");
            }
        }

        return all.Length == 0 ? null : all[0].Fact;
    }

    private (string File, Fact<T> Fact)[] Ordered<T>(Func<HostSnapshot, Fact<T>?> factOf)
        => [.. _hosts.Select(one => (one.File, Fact: factOf(one.Host.Snapshot)!)).Where(static one => one.Fact is not null).OrderBy(static one => one.Fact.Evidence.Quality)];

    private sealed record Cpuid(string File, Fact<CpuidTable> Fact, CpuidTable? Unknown, bool IsPartial)
    {
        public IEnumerable<CpuidAddress> Places => Fact.Value.Select(static row => row.Address).Union((Unknown ?? CpuidTable.Empty).Select(static row => row.Address));

        public static Cpuid? Native((string File, ImportedHost Host) one)
            => one.Host.Snapshot is { NativeCpuid: { } fact } host ? new Cpuid(one.File, fact, host.UnknownNativeBits, host.NativeCpuidIsPartial) : null;

        public static Cpuid? Supported((string File, ImportedHost Host) one)
            => one.Host.Snapshot is { SupportedCpuid: { } fact } host ? new Cpuid(one.File, fact, host.UnknownCpuidBits, host.SupportedCpuidIsPartial) : null;

        public uint Value(CpuidAddress place, CpuidRegister register) => Fact.Value.GetOrZero(place.Leaf, place.Subleaf)[register];

        public uint Known(CpuidAddress place, CpuidRegister register)
            => IsPartial && !Fact.Value.TryGet(place.Leaf, place.Subleaf, out _) ? 0 : ~((Unknown ?? CpuidTable.Empty).GetOrZero(place.Leaf, place.Subleaf)[register]);

        public bool IsSignificant(CpuidAddress place) => Fact.Value.Any(row => row.Address == place && row.SubleafIsSignificant);
    }
}
