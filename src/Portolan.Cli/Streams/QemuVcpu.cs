using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.State;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>A vCPU of a migration stream, as a destination's QEMU loads it.</summary>
internal sealed class QemuVcpu(StreamVcpu vcpu) : JudgedVcpu
{
    /// <inheritdoc/>
    public override uint Id => vcpu.Id;

    /// <inheritdoc/>
    public override XFeatureMask? Xcr0 => vcpu.Xcr0;

    /// <inheritdoc/>
    public override XFeatureMask? XstateBv => vcpu.XstateBv;

    /// <inheritdoc/>
    public override ulong? Cr4 => vcpu.Cpu.Number("env.cr[4]");

    /// <inheritdoc/>
    public override bool UsesHyperv => vcpu.Msrs.Any(static msr => msr.When == MsrCondition.Hyperv);

    /// <inheritdoc/>
    public override bool UsesEvmcs => vcpu.UsesEvmcs;

    /// <inheritdoc/>
    public override VcpuState StateOn(XsaveLayout layout, ImmutableArray<uint>? listed) => vcpu.ToState(layout, listed);

    /// <inheritdoc/>
    public override IEnumerable<DroppedMsr> Dropped(ImmutableArray<uint>? listed)
        => vcpu.Msrs.Where(msr => msr.Msr.Value != 0 && StreamVcpu.Drops(msr, listed)).Select(msr => new DroppedMsr(Id, msr.Msr, msr.Field));

    /// <inheritdoc/>
    public override IEnumerable<UnjudgedState> Unjudged(int? width, ImmutableArray<uint>? listed)
    {
        foreach (StreamMsr msr in vcpu.Msrs.Where(msr => StreamVcpu.TakesUnlisted(msr, listed) && !UnlistedMsrs.IsTaken(msr, width)))
        {
            yield return new UnjudgedState(
                Id,
                string.Create(CultureInfo.InvariantCulture, $"{msr.Msr} ({msr.Field})"),
                "QEMU writes it though this host does not list it, and KVM refuses it, or takes it from a guest with wider addresses alone") { IsUnknown = true };
        }

        if (vcpu.Cpu.Number("env.mp_state") is { } state and > (ulong)KvmMpState.Runnable and <= (ulong)KvmMpState.SipiReceived)
        {
            yield return WaitingState(Id, (KvmMpState)(uint)state);
        }

        foreach (StreamStruct subsection in vcpu.NotCarried)
        {
            yield return new UnjudgedState(Id, $"subsection {subsection.Name}", "no clause of the contract is about its fields");
        }

        foreach (StreamStruct subsection in vcpu.Unknown)
        {
            yield return new UnjudgedState(
                Id, $"subsection {subsection.Name}", "neither the stream's description nor the tables know it; a QEMU that does not know it either refuses the stream") { IsUnknown = true };
        }
    }
}
