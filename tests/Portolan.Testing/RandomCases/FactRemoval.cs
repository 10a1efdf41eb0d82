using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Testing.RandomCases;

/// <summary>Takes one single fact out of a snapshot.</summary>
public static class FactRemoval
{
    private static readonly Change<HostSnapshot>[] Fields =
    [
        new("nativeCpuid", static host => host with { NativeCpuid = null }),
        new("supportedCpuid", static host => host with { SupportedCpuid = null }),
        new("emulatedCpuid", static host => host with { EmulatedCpuid = null }),
        new("hypervCpuid", static host => host with { HypervCpuid = null }),
        new("capabilities", static host => host with { Capabilities = null }),
        new("savedMsrs", static host => host with { SavedMsrs = null }),
        new("featureMsrIndices", static host => host with { FeatureMsrIndices = null }),
        new("featureMsrs", static host => host with { FeatureMsrs = null }),
        new("supportedXcr0", static host => host with { SupportedXcr0 = null }),
        new("guestPermission", static host => host with { GuestPermission = null }),
        new("hostXcr0", static host => host with { HostXcr0 = null }),
        new("supportedXss", static host => host with { SupportedXss = null }),
        new("mxcsrMask", static host => host with { MxcsrMask = null }),
        new("kernelRelease", static host => host with { KernelRelease = null }),
        new("kernelVersion", static host => host with { KernelVersion = null }),
        new("microcode", static host => host with { Microcode = null }),
        new("kvmModule", static host => host with { KvmModule = null }),
        new("moduleParameters", static host => host with { ModuleParameters = null }),
        new("tscKhz", static host => host with { TscKhz = null }),
        new("vmm", static host => host with { Vmm = null }),
        new("machineTypes", static host => host with { MachineTypes = null }),
        new("bootId", static host => host with { BootId = null }),
    ];

    /// <summary>How many facts a snapshot has at most that <see cref="Of"/> can take out.</summary>
    public static int Count(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return Fields.Length + (host.Capabilities?.Value.Count ?? 0) + host.Behaviours.Count + (host.FeatureMsrs?.Value.Count ?? 0);
    }

    /// <summary>The removal of one fact: a field, a capability, a behaviour, the maximum of a feature MSR.</summary>
    public static Change<HostSnapshot> Of(HostSnapshot host, int fact)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (fact < Fields.Length)
        {
            return Fields[fact];
        }

        ImmutableArray<string> capabilities = [.. host.Capabilities?.Value.Keys ?? []];
        int capability = fact - Fields.Length;
        if (capability < capabilities.Length)
        {
            return new(capabilities[capability], had => had with { Capabilities = BaseHosts.Fact(had.Capabilities!.Value.Remove(capabilities[capability])) });
        }

        string[] behaviours = [.. host.Behaviours.Keys];
        int behaviour = capability - capabilities.Length;
        if (behaviour < behaviours.Length)
        {
            return new(behaviours[behaviour], had => had with { Behaviours = had.Behaviours.Remove(behaviours[behaviour]) });
        }

        MsrValue row = host.FeatureMsrs!.Value[behaviour - behaviours.Length];
        return new($"the maximum of {row.Index:x}", had => had with { FeatureMsrs = BaseHosts.Fact(had.FeatureMsrs!.Value.Without(row.Index)) });
    }

    /// <summary>A fact at random: half of the time a field.</summary>
    public static Change<HostSnapshot> Next(CaseRandom random, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Of(host, random.Percent(50) ? random.Below(Fields.Length) : random.Below(Count(host)));
    }
}
