using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;

namespace Portolan.Compatibility.Judging;

/// <summary>How well a host is known: how many of a snapshot's facts, behaviours included, are of each quality.</summary>
/// <param name="Measured">Asked of the live kernel by this program.</param>
/// <param name="Recorded">Recorded by another tool.</param>
/// <param name="Derived">Derived from a release, a table or a prediction.</param>
/// <param name="Unknown">Not known.</param>
public readonly record struct EvidenceCount(int Measured, int Recorded, int Derived, int Unknown)
{
    /// <summary>Counts the facts of a snapshot.</summary>
    public static EvidenceCount Of(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        Evidence?[] facts =
        [
            host.NativeCpuid?.Evidence, host.SupportedCpuid?.Evidence, host.EmulatedCpuid?.Evidence, host.HypervCpuid?.Evidence,
            host.Capabilities?.Evidence, host.SavedMsrs?.Evidence, host.FeatureMsrIndices?.Evidence, host.FeatureMsrs?.Evidence,
            host.SupportedXcr0?.Evidence, host.GuestPermission?.Evidence, host.HostXcr0?.Evidence, host.SupportedXss?.Evidence,
            host.MxcsrMask?.Evidence, host.KernelRelease?.Evidence, host.KernelVersion?.Evidence, host.Microcode?.Evidence,
            host.KvmModule?.Evidence, host.ModuleParameters?.Evidence, host.TscKhz?.Evidence, host.Vmm?.Evidence,
            host.MachineTypes?.Evidence, host.BootId?.Evidence,
            .. BehaviourTable.Ids.ToArray().Select(id => host.Behaviours.GetValueOrDefault(id)?.Evidence),
        ];
        return new(Count(facts, EvidenceQuality.Measured), Count(facts, EvidenceQuality.Recorded), Count(facts, EvidenceQuality.Derived), facts.Count(static fact => fact is null));
    }

    private static int Count(Evidence?[] facts, EvidenceQuality quality) => facts.Count(fact => fact?.Quality == quality);
}
