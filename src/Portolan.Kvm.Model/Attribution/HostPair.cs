using System.Collections.Immutable;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
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
        Native = Compare(NativeOf(source), NativeOf(destination));
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

    /// <summary>Module parameters that both name and that differ.</summary>
    internal ImmutableArray<string> ChangedParameters { get; }

    /// <summary>Is one of the modules behind KVM none that the tables describe, such as kvm_pvm?</summary>
    internal bool HasForeignModule => IsForeign(Source) || IsForeign(Destination);

    /// <summary>Do both snapshots say how a module was loaded in this one point?</summary>
    internal bool Records(string parameter)
        => Source.ModuleParameters?.Value.ContainsKey(parameter) == true && Destination.ModuleParameters?.Value.ContainsKey(parameter) == true;

    /// <summary>Do both snapshots say how the modules were loaded?</summary>
    internal bool KnowsParameters => Source.ModuleParameters is not null && Destination.ModuleParameters is not null;

    /// <summary>Is the CPU another one, or the same with other microcode, or does its own CPUID answer otherwise?</summary>
    internal bool CpuVaries => Model != Relation.Same || Microcode == Relation.Different || Native == Relation.Different;

    internal string SourceKernel => NameOf(Source, SourceRelease);

    internal string DestinationKernel => NameOf(Destination, DestinationRelease);

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
        if (host.NativeCpuid is { } native)
        {
            return native.Value.TryGet(1, 0, out CpuidValues own) ? own.Eax : null;
        }

        uint unknown = host.UnknownCpuidBits?.GetOrZero(1)[CpuidRegister.Eax] ?? 0;
        return unknown == 0 && host.SupportedCpuid is { } shown && shown.Value.TryGet(1, 0, out CpuidValues values) ? values.Eax : null;
    }

    /// <summary>The CPU's own CPUID without the fields that say which logical CPU answered, or what its software switched on.</summary>
    private static CpuidTable? NativeOf(HostSnapshot host)
    {
        CpuidTable? table = host.NativeCpuid?.Value;
        foreach (CpuidFeature feature in table is null ? [] : FeatureTable.All.ToArray().Where(static feature => feature.Space == CpuidSpace.Cpu && feature.VariesAtRunTime))
        {
            if (table!.Contains(feature.Address))
            {
                table = table.WithValue(feature, 0);
            }
        }

        return table;
    }

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
