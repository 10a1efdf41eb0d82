using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Everything in which a destination host differs from a source host, sorted by area and place.</summary>
public static class HostDifference
{
    /// <summary>How the place of a machine type begins.</summary>
    public const string MachineType = "machine type";

    /// <summary>Compares two snapshots fact by fact. What one side does not know is <see cref="DifferenceKind.Unknown"/>, never a difference.</summary>
    public static ImmutableArray<SnapshotDifference> Between(HostSnapshot source, HostSnapshot destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        List<SnapshotDifference> found = [];
        CompareSoftware(found, source, destination);
        XsaveDifference.Compare(found, source, destination);
        CpuidDifference.Compare(found, DifferenceArea.SupportedCpuid, Side.Supported(source), Side.Supported(destination));
        CpuidDifference.Compare(found, DifferenceArea.EmulatedCpuid, Side.Plain(source.EmulatedCpuid), Side.Plain(destination.EmulatedCpuid));
        CpuidDifference.Compare(found, DifferenceArea.HypervCpuid, Side.Plain(source.HypervCpuid), Side.Plain(destination.HypervCpuid));
        CpuidDifference.Compare(found, DifferenceArea.NativeCpuid, Side.Native(source), Side.Native(destination));
        MsrDifference.Compare(found, source, destination);
        CompareMaps(found, DifferenceArea.Capability, source.Capabilities?.Value, destination.Capabilities?.Value, Number);
        CompareBehaviours(found, source, destination);
        return [.. found];
    }

    /// <summary>Adds a fact that is compared as a whole.</summary>
    internal static void CompareWhole(List<SnapshotDifference> found, DifferenceArea area, string name, string? source, string? destination)
    {
        if (source == destination)
        {
            return;
        }

        DifferenceKind kind = source is null || destination is null ? DifferenceKind.Unknown : DifferenceKind.Changed;
        found.Add(new(area, kind, name, "", source ?? SnapshotDifference.UnknownValue, destination ?? SnapshotDifference.UnknownValue));
    }

    private static void CompareSoftware(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        CompareWhole(found, DifferenceArea.Software, "kernel", source.KernelRelease?.Value, destination.KernelRelease?.Value);
        CompareWhole(found, DifferenceArea.Software, "kernel version", source.KernelVersion?.Value, destination.KernelVersion?.Value);
        CompareWhole(found, DifferenceArea.Software, "microcode", source.Microcode?.Value, destination.Microcode?.Value);
        CompareWhole(found, DifferenceArea.Software, "KVM module", source.KvmModule?.Value, destination.KvmModule?.Value);
        CompareWhole(found, DifferenceArea.Software, "VMM", source.Vmm?.Value, destination.Vmm?.Value);
        CompareMaps(found, DifferenceArea.Software, source.ModuleParameters?.Value, destination.ModuleParameters?.Value, static text => text);
        CompareMachineTypes(found, source, destination);
        CompareWhole(found, DifferenceArea.Software, "TSC kHz", Text(source.TscKhz), Text(destination.TscKhz));
        CompareWhole(found, DifferenceArea.Software, "MXCSR_MASK", Hex(source.MxcsrMask), Hex(destination.MxcsrMask));
    }

    /// <summary>Machine types that one VMM has and the other has not; nothing where a list is unknown, for most sources have none.</summary>
    private static void CompareMachineTypes(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        if (source.MachineTypes is not { } before || destination.MachineTypes is not { } after)
        {
            return;
        }

        foreach (string type in before.Value.Union(after.Value, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            bool had = before.Value.Contains(type, StringComparer.Ordinal);
            if (had != after.Value.Contains(type, StringComparer.Ordinal))
            {
                found.Add(new(
                    DifferenceArea.Software, had ? DifferenceKind.Lost : DifferenceKind.Gained, $"{MachineType} {type}", "", had ? "present" : "absent", had ? "absent" : "present"));
            }
        }
    }

    private static void CompareMaps<T>(
        List<SnapshotDifference> found,
        DifferenceArea area,
        ImmutableSortedDictionary<string, T>? source,
        ImmutableSortedDictionary<string, T>? destination,
        Func<T, string> text)
    {
        if (source is null || destination is null)
        {
            CompareWhole(found, area, area == DifferenceArea.Capability ? "KVM capabilities" : "module parameters", Count(source), Count(destination));
            return;
        }

        foreach (string name in source.Keys.Union(destination.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            string? before = source.TryGetValue(name, out T? a) ? text(a) : null;
            string? after = destination.TryGetValue(name, out T? b) ? text(b) : null;
            DifferenceKind kind = (before, after) switch
            {
                (null, _) or (_, null) => DifferenceKind.Unknown,
                (_, "0") when area == DifferenceArea.Capability => DifferenceKind.Lost,
                ("0", _) when area == DifferenceArea.Capability => DifferenceKind.Gained,
                _ => DifferenceKind.Changed,
            };
            if (before != after)
            {
                found.Add(new(area, kind, name, "", before ?? SnapshotDifference.UnknownValue, after ?? SnapshotDifference.UnknownValue)
                {
                    Place = area == DifferenceArea.Capability ? new CapabilityPlace(name) : null,
                });
            }
        }
    }

    private static void CompareBehaviours(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        foreach (string id in source.Behaviours.Keys.Union(destination.Behaviours.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            CompareWhole(
                found,
                DifferenceArea.Behaviour,
                id,
                source.Behaviours.TryGetValue(id, out Fact<string>? before) ? before.Value : null,
                destination.Behaviours.TryGetValue(id, out Fact<string>? after) ? after.Value : null);
        }
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string? Count<T>(ImmutableSortedDictionary<string, T>? map)
        => map is null ? null : string.Create(CultureInfo.InvariantCulture, $"{map.Count} known");

    private static string? Text(Fact<uint>? fact) => fact?.Value.ToString(CultureInfo.InvariantCulture);

    private static string? Hex(Fact<uint>? fact) => fact is null ? null : string.Create(CultureInfo.InvariantCulture, $"0x{fact.Value:x}");
}
