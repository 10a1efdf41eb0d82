using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Nested;
using Portolan.Kvm.Model.Registers;
using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model;

/// <summary>What code in the modelled guest can observe and do. Each is an execution: the vCPU has then run.</summary>
internal sealed class ModelGuestCpu(ModelVcpu vcpu) : IGuestCpu
{
    /// <inheritdoc/>
    public GuestAnswer<CpuidValues> Cpuid(uint leaf, uint subleaf)
    {
        vcpu.MarkRun();
        KvmAnswer<CpuidTable> current = vcpu.GetCpuid2();
        return current.Ok ? new(vcpu.Cpuid.Answer(current.Value, leaf, subleaf)) : new(default, GuestFault.NotDecidable, current.Rule);
    }

    /// <inheritdoc/>
    public GuestAnswer<ulong> Rdmsr(uint index)
    {
        vcpu.MarkRun();
        RefusalRule? rule = vcpu.Msrs.Read(index, false, out ulong value);
        return rule is null ? new(value) : Faulted<ulong>(rule);
    }

    /// <inheritdoc/>
    public GuestAnswer<ulong> Wrmsr(uint index, ulong value)
    {
        vcpu.MarkRun();
        RefusalRule? rule = vcpu.Msrs.Write(index, value, false);
        return rule is null ? new(value) : Faulted<ulong>(rule);
    }

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xgetbv(uint index)
    {
        vcpu.MarkRun();
        return !HasOsxsave ? new(default, GuestFault.UD, ClauseTable.GuestOsxsave)
            : index != 0 ? new(default, GuestFault.GP, ClauseTable.XcrsIndex)
            : new(vcpu.Registers.Xcr0);
    }

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xsetbv(uint index, XFeatureMask value)
    {
        vcpu.MarkRun();
        if (!HasOsxsave)
        {
            return new(default, GuestFault.UD, ClauseTable.GuestOsxsave);
        }

        RefusalRule? rule = index != 0 ? ClauseTable.XcrsIndex : vcpu.Registers.SetXcr0(value);
        return rule is null ? new(value) : Faulted<XFeatureMask>(rule);
    }

    /// <inheritdoc/>
    public GuestAnswer<byte[]> Xsave(XFeatureMask components)
    {
        vcpu.MarkRun();
        return HasOsxsave ? new(vcpu.Xsave.Saved(components & vcpu.Registers.Xcr0)) : new([], GuestFault.UD, ClauseTable.GuestOsxsave);
    }

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xrstor(ReadOnlySpan<byte> image, XFeatureMask components)
    {
        vcpu.MarkRun();
        if (!HasOsxsave)
        {
            return new(default, GuestFault.UD, ClauseTable.GuestOsxsave);
        }

        return vcpu.Xsave.TryRestore(image, components & vcpu.Registers.Xcr0, vcpu.Registers.Xcr0) ? new(components) : new(default, GuestFault.GP);
    }

    /// <inheritdoc/>
    public GuestAnswer<VmEntryOutcome> VmEntry(in VmxControlSettings controls, bool enlightened)
    {
        vcpu.MarkRun();
        if (vcpu.Host.IsAmd || !vcpu.Cpuid.Features[ModelFeature.Vmx])
        {
            return new(default, GuestFault.UD, ClauseTable.VmxNotInCpuid);
        }

        if (vcpu.Msrs.Vmx.Own is not { } own)
        {
            return new(default, GuestFault.NotDecidable, MissingFact.Rule("featureMsrs"));
        }

        if (enlightened && !vcpu.Nested.Evmcs.Enabled)
        {
            return new(VmEntryOutcome.VmFailInvalid, GuestFault.None, ClauseTable.EvmcsEntryNotEnabled);
        }

        if (!Vmcs12.Fits(controls, own))
        {
            return new(VmEntryOutcome.VmFailInvalidControls, GuestFault.None, ClauseTable.VmxEntryControls);
        }

        RefusalRule? filtered = enlightened ? vcpu.Nested.Evmcs.CheckEntry(controls) : null;
        return filtered is null ? new(VmEntryOutcome.Entered)
            : MissingFact.NameOf(filtered) is not null ? new(default, GuestFault.NotDecidable, filtered)
            : new(VmEntryOutcome.VmFailInvalidControls, GuestFault.None, filtered);
    }

    private static GuestAnswer<T> Faulted<T>(RefusalRule rule)
        => new(default!, MissingFact.NameOf(rule) is null ? GuestFault.GP : GuestFault.NotDecidable, rule);

    private bool HasOsxsave => (vcpu.Registers.System.Cr4 & ControlRegisters.Cr4Osxsave) != 0;
}
