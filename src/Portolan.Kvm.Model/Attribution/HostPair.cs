using System.Collections.Immutable;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>Whether two things are the same, as far as two snapshots say.</summary>
internal enum Relation
{
    Same,
    Different,
    Unknown,
}

/// <summary>Two hosts, and in which of the things that make a difference they are known to differ.</summary>
internal sealed class HostPair
{
    internal HostPair(HostSnapshot source, HostSnapshot destination)
    {
        Source = source;
        Destination = destination;
        SourceRelease = ReleaseOf(source);
        DestinationRelease = ReleaseOf(destination);
        Kernel = KernelRelation(source, destination);
        (Vendors, Model) = CpuRelation(source, destination);
        Microcode = Compare(source.Microcode?.Value, destination.Microcode?.Value);
        Native = NativeRelation(source, destination);
        NativeMsrs = MsrRelation(source, destination);
        ChangedParameters = Changed(source, destination);
    }

    internal HostSnapshot Source { get; }

    internal HostSnapshot Destination { get; }

    internal KernelRelease? SourceRelease { get; }

    internal KernelRelease? DestinationRelease { get; }

    /// <summary>The kernels: release and build.</summary>
    internal Relation Kernel { get; }

    /// <summary>The CPUs' vendors.</summary>
    internal Relation Vendors { get; }

    /// <summary>Vendor, family, model and stepping.</summary>
    internal Relation Model { get; }

    internal Relation Microcode { get; }

    /// <summary>The CPUs' own CPUID, without what varies from logical CPU to logical CPU.</summary>
    internal Relation Native { get; }

    /// <summary>The CPUs' own MSRs, as far as both were read: never known to be the same, for a tool reads some of them.</summary>
    internal Relation NativeMsrs { get; }

    /// <summary>Module parameters that both name and that differ.</summary>
    internal ImmutableArray<string> ChangedParameters { get; }

    /// <summary>Is one of the modules behind KVM none that the tables describe, such as kvm_pvm?</summary>
    internal bool HasForeignModule => IsForeign(Source) || IsForeign(Destination);

    /// <summary>Did VMMs that are not the same tell what KVM shows, so that each may have left something out?</summary>
    internal bool IsToldByVmms => Compare(Source.Vmm?.Value, Destination.Vmm?.Value) == Relation.Different
        && Source.SupportedCpuid?.Evidence.Quality == EvidenceQuality.Recorded && Destination.SupportedCpuid?.Evidence.Quality == EvidenceQuality.Recorded;

    /// <summary>Do both snapshots say how a module was loaded in this one point?</summary>
    internal bool Records(string parameter)
        => Source.ModuleParameters?.Value.ContainsKey(parameter) == true && Destination.ModuleParameters?.Value.ContainsKey(parameter) == true;

    /// <summary>Do both snapshots say how the modules were loaded?</summary>
    internal bool KnowsParameters => Source.ModuleParameters is not null && Destination.ModuleParameters is not null;

    /// <summary>Is the CPU another one, or the same with other microcode, or do its own CPUID or MSRs answer otherwise?</summary>
    internal bool CpuVaries => Model != Relation.Same || Microcode == Relation.Different || Native == Relation.Different || NativeMsrs == Relation.Different;

    internal string SourceKernel => NameOf(Source, SourceRelease);

    internal string DestinationKernel => NameOf(Destination, DestinationRelease);

    /// <summary>Do the CPUs themselves answer alike there: in all of their CPUID, and for a place in an MSR in its bits?</summary>
    internal Relation OwnAnswer(FactPlace? place)
    {
        if (Native == Relation.Different || place is not MsrPlace msr)
        {
            return place is CpuidPlace || Native == Relation.Different ? Native : Relation.Unknown;
        }

        return Source.NativeMsrs?.Value.TryGet(msr.Index, out ulong before) is true && Destination.NativeMsrs?.Value.TryGet(msr.Index, out ulong after) is true
            ? ((before ^ after) & msr.Bits) == 0 ? Relation.Same : Relation.Different
            : Relation.Unknown;
    }

    internal static CpuidTable? IdentityOf(HostSnapshot host) => (host.NativeCpuid ?? host.SupportedCpuid)?.Value;

    private static bool IsForeign(HostSnapshot host) => host.KvmModule is { Value: not ("kvm_intel" or "kvm_amd") };

    private static string NameOf(HostSnapshot host, KernelRelease? release) => release?.ToString() ?? host.KernelRelease?.Value ?? "an unknown kernel";

    private static KernelRelease? ReleaseOf(HostSnapshot host)
        => KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease release) ? release : null;

    private static Relation KernelRelation(HostSnapshot source, HostSnapshot destination)
    {
        Relation release = Compare(source.KernelRelease?.Value, destination.KernelRelease?.Value);
        return release == Relation.Same && Compare(source.KernelVersion?.Value, destination.KernelVersion?.Value) == Relation.Different
            ? Relation.Different
            : release;
    }

    private static (Relation Vendor, Relation Model) CpuRelation(HostSnapshot source, HostSnapshot destination)
    {
        if (IdentityOf(source) is not { } before || IdentityOf(destination) is not { } after
            || CpuLineTable.VendorOf(before) is not { } one || CpuLineTable.VendorOf(after) is not { } other)
        {
            return (Relation.Unknown, Relation.Unknown);
        }

        if (one != other)
        {
            return (Relation.Different, Relation.Different);
        }

        return (Relation.Same, SignatureOf(source) is { } a && SignatureOf(destination) is { } b ? Compare<object>(a, b) : Relation.Unknown);
    }

    private static uint? SignatureOf(HostSnapshot host)
    {
        (CpuidTable? table, CpuidTable? unknown) = host.NativeCpuid is { } native ? (native.Value, host.UnknownNativeBits) : (host.SupportedCpuid?.Value, host.UnknownCpuidBits);
        return (unknown?.GetOrZero(1)[CpuidRegister.Eax] ?? 0) == 0 && table is not null && table.TryGet(1, 0, out CpuidValues values) ? values.Eax : null;
    }

    /// <summary>Different where a known bit is, same only where every bit of both is known.</summary>
    private static Relation NativeRelation(HostSnapshot source, HostSnapshot destination)
    {
        if (source.NativeCpuid?.Value is not { } before || destination.NativeCpuid?.Value is not { } after)
        {
            return Relation.Unknown;
        }

        bool isWhole = !source.NativeCpuidIsPartial && !destination.NativeCpuidIsPartial && source.UnknownNativeBits is null && destination.UnknownNativeBits is null;
        foreach (CpuidAddress place in before.Select(static row => row.Address).Union(after.Select(static row => row.Address)))
        {
            bool isKnown = isWhole || (before.Contains(place) && after.Contains(place));
            if (isKnown && Enum.GetValues<CpuidRegister>().Any(register => ((before.GetOrZero(place.Leaf, place.Subleaf)[register] ^ after.GetOrZero(place.Leaf, place.Subleaf)[register])
                & ~(Unknown(source, place, register) | Unknown(destination, place, register) | AtRunTime(place, register))) != 0))
            {
                return Relation.Different;
            }
        }

        return isWhole ? Relation.Same : Relation.Unknown;
    }

    private static Relation MsrRelation(HostSnapshot source, HostSnapshot destination)
        => source.NativeMsrs?.Value is { } before && destination.NativeMsrs?.Value is { } after
            && before.Any(msr => after.TryGet(msr.Index, out ulong value) && value != msr.Value) ? Relation.Different : Relation.Unknown;

    private static uint Unknown(HostSnapshot host, CpuidAddress place, CpuidRegister register)
        => host.UnknownNativeBits?.GetOrZero(place.Leaf, place.Subleaf)[register] ?? 0;

    /// <summary>The fields that say which logical CPU answered, or what its software switched on.</summary>
    private static uint AtRunTime(CpuidAddress place, CpuidRegister register)
        => FeatureTable.Of(CpuidSpace.Cpu, place.Leaf, register).ToArray().Where(feature => feature.VariesAtRunTime && feature.Covers(place.Subleaf))
            .Aggregate(0u, static (mask, feature) => mask | feature.RegisterMask);

    private static ImmutableArray<string> Changed(HostSnapshot source, HostSnapshot destination)
    {
        if (source.ModuleParameters is not { } before || destination.ModuleParameters is not { } after)
        {
            return [];
        }

        return [.. before.Value.Where(parameter => after.Value.TryGetValue(parameter.Key, out string? value) && value != parameter.Value).Select(static parameter => parameter.Key)];
    }

    private static Relation Compare<T>(T? one, T? other)
        where T : class
        => one is null || other is null ? Relation.Unknown : one.Equals(other) ? Relation.Same : Relation.Different;
}
