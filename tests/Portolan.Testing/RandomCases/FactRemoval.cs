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
        return Fields.Length + (host.Capabilities?.Value.Count ?? 0) + host.Behaviours.Count + (2 * (host.FeatureMsrs?.Value.Count ?? 0));
    }

    /// <summary>The removal of one fact: a field, a capability, a behaviour, the maximum of a feature MSR or some of its bits.</summary>
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

        int maximum = behaviour - behaviours.Length;
        MsrTable maxima = host.FeatureMsrs!.Value;
        return maximum < maxima.Count ? Maximum(maxima[maximum].Index) : Bits(maxima[maximum - maxima.Count].Index, ulong.MaxValue);
    }

    /// <summary>Takes the maximum of a feature MSR out.</summary>
    /// <param name="index">The MSR.</param>
    public static Change<HostSnapshot> Maximum(uint index)
        => new($"the maximum of {index:x}", had => had with { FeatureMsrs = BaseHosts.Fact(had.FeatureMsrs!.Value.Without(index)) });

    /// <summary>Takes some bits of the maximum of a feature MSR out; the others stay known.</summary>
    /// <param name="index">The MSR.</param>
    /// <param name="bits">A 1 for every bit that is forgotten.</param>
    public static Change<HostSnapshot> Bits(uint index, ulong bits)
        => new($"the bits {bits:x} of the maximum of {index:x}", had => had.FeatureMsrs is { } maxima && maxima.Value.TryGet(index, out ulong value)
            ? had with
            {
                FeatureMsrs = BaseHosts.Fact(maxima.Value.Without(index)),
                PartlyKnownFeatureMsrs = BaseHosts.Fact<ImmutableArray<PartlyKnownMsr>>(
                    [.. PartlyKnownMsr.Of(had).Where(msr => msr.Index != index).Append(new(index, value, ~bits)).OrderBy(static msr => msr.Index)]),
            }
            : had);

    /// <summary>A fact at random: half of the time a field.</summary>
    public static Change<HostSnapshot> Next(CaseRandom random, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(random);
        int maxima = host.FeatureMsrs?.Value.Count ?? 0;
        if (maxima > 0 && random.Percent(25))
        {
            // One bit, a byte, or any: as tools tell a word of it.
            ulong some = random.Below(3) switch { 0 => 1UL << random.Below(64), 1 => 0xffUL << random.Below(57), _ => random.Bits() };
            return Bits(host.FeatureMsrs!.Value[random.Below(maxima)].Index, some);
        }

        return Of(host, random.Percent(50) ? random.Below(Fields.Length) : random.Below(Count(host)));
    }
}
