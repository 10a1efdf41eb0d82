using System.Buffers.Binary;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Nested;
using Portolan.X86.Vmx;
using static Portolan.Kvm.Model.Nested.NestedHeader;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_NESTED_STATE (contract section 5). A rule is a refusal or names a missing fact; null is accepted.</summary>
internal static class NestedClauses
{
    /// <summary>Loads a nested state, or says why not.</summary>
    public static RefusalRule? Load(PaperVcpu vcpu, ReadOnlySpan<byte> given)
    {
        switch (vcpu.Host.Capability(KvmCapability.NestedState))
        {
            case null:
                return MissingFact.Rule("capabilities KVM_CAP_NESTED_STATE");
            case 0:
                return ClauseTable.NestedAbsent;
            default:
                break;
        }

        uint size = given.Length < Size ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(given[SizeAt..]);
        if (size < Size || size > given.Length)
        {
            return ClauseTable.NestedSetSize;
        }

        ReadOnlySpan<byte> state = given[..(int)size];
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state);
        bool runPending = (flags & RunPending) != 0;
        if ((flags & ~Known) != 0 || (runPending && (flags & GuestMode) == 0))
        {
            return ClauseTable.NestedSetFlags;
        }

        ushort format = BinaryPrimitives.ReadUInt16LittleEndian(state[FormatAt..]);
        if (format != (vcpu.Host.IsAmd ? FormatSvm : FormatVmx))
        {
            return ClauseTable.NestedSetFormat;
        }

        return vcpu.Host.IsAmd ? SvmNestedClauses.Violated(vcpu, state, flags) : LoadVmx(vcpu, state, flags);
    }

    /// <summary>What KVM_GET_NESTED_STATE answers of a state that was loaded: its data only where there is a current VMCS or a guest (contract N3).</summary>
    public static ReadOnlyMemory<byte> Kept(PaperVcpu vcpu, ReadOnlyMemory<byte> given)
    {
        ReadOnlyMemory<byte> state = given[..(int)BinaryPrimitives.ReadUInt32LittleEndian(given.Span[SizeAt..])];
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state.Span);
        bool hasData = vcpu.Host.IsAmd
            ? (flags & GuestMode) != 0
            : state.Length >= DataAt + DataSize
                && (BinaryPrimitives.ReadUInt64LittleEndian(state.Span[Vmcs12At..]) != NoAddress || (flags & Evmcs) != 0);
        return hasData ? state : state[..Size];
    }

    private static RefusalRule? LoadVmx(PaperVcpu vcpu, ReadOnlySpan<byte> state, ushort flags)
    {
        ulong vmxon = BinaryPrimitives.ReadUInt64LittleEndian(state[VmxonAt..]);
        RefusalRule? rule = Violated(vcpu, state, flags, vmxon);
        if (rule is null)
        {
            vcpu.InVmxOperation = vmxon != NoAddress;
        }

        return rule;
    }

    private static RefusalRule? Violated(PaperVcpu vcpu, ReadOnlySpan<byte> state, ushort flags, ulong vmxon)
    {
        ulong current = BinaryPrimitives.ReadUInt64LittleEndian(state[Vmcs12At..]);
        ushort smm = BinaryPrimitives.ReadUInt16LittleEndian(state[SmmFlagsAt..]);
        bool hasVmx = vcpu.Guest.Features[ModelFeature.Vmx];
        if (vmxon == NoAddress)
        {
            if (smm != 0 || current != NoAddress || (flags & ~Evmcs) != 0)
            {
                return ClauseTable.NestedVmxNoVmxon;
            }
        }
        else if (!hasVmx)
        {
            return ClauseTable.NestedVmxCpuid;
        }
        else if (!vcpu.Guest.IsPageAddress(vmxon))
        {
            return ClauseTable.NestedVmxVmxonAddress;
        }

        if (!IsSmmLegal(vcpu, flags, smm))
        {
            return ClauseTable.NestedVmxSmm;
        }

        if ((BinaryPrimitives.ReadUInt32LittleEndian(state[VmxFlagsAt..]) & ~PreemptionTimerDeadline) != 0)
        {
            return ClauseTable.NestedVmxHeaderFlags;
        }

        if ((flags & Evmcs) != 0)
        {
            if (!hasVmx || !vcpu.Enlightened)
            {
                return ClauseTable.NestedVmxEvmcs;
            }

            if (vmxon == NoAddress && vcpu.Host.Behaviours.NestedEvmcsFlagWithoutVmxon is not NestedEvmcsFlagWithoutVmxon.Tolerated)
            {
                return MissingFact.Rule("nested.evmcs-flag-without-vmxon");
            }
        }

        return vmxon == NoAddress ? null : Current(vcpu, state, flags, vmxon, current, smm);
    }

    private static bool IsSmmLegal(PaperVcpu vcpu, ushort flags, ushort smm)
    {
        bool smmGuest = (smm & SmmGuestMode) != 0;
        bool smmVmxon = (smm & SmmVmxon) != 0;
        if ((smm & ~(SmmGuestMode | SmmVmxon)) != 0 || (smmGuest && !smmVmxon) || (smmGuest && (flags & GuestMode) != 0))
        {
            return false;
        }

        return vcpu.InSmm ? (flags & (GuestMode | RunPending)) == 0 : smm == 0;
    }

    private static RefusalRule? Current(PaperVcpu vcpu, ReadOnlySpan<byte> state, ushort flags, ulong vmxon, ulong current, ushort smm)
    {
        bool enlightened = (flags & Evmcs) != 0;
        if (state.Length < DataAt + DataSize)
        {
            return (flags & GuestMode) == 0 && !enlightened && current == NoAddress ? null : ClauseTable.NestedVmxVmcs12Size;
        }

        bool legal = current == NoAddress ? enlightened : current != vmxon && vcpu.Guest.IsPageAddress(current);
        if (!legal)
        {
            return ClauseTable.NestedVmxVmcs12Address;
        }

        ReadOnlySpan<byte> vmcs = state.Slice(DataAt, DataSize);
        if (Vmcs12.RevisionOf(vmcs) != Vmcs12.Revision)
        {
            return ClauseTable.NestedVmxVmcs12Revision;
        }

        bool entered = (flags & GuestMode) != 0 || (smm & SmmGuestMode) != 0;
        return entered ? Entered(vcpu, state, vmcs, current, enlightened) : null;
    }

    private static RefusalRule? Entered(PaperVcpu vcpu, ReadOnlySpan<byte> state, ReadOnlySpan<byte> vmcs, ulong current, bool enlightened)
    {
        VmxControlSettings controls = Vmcs12.Controls(vmcs);
        bool secondary = (controls.Primary & VmxBits.PrimaryActivateSecondaryControls) != 0;
        ulong link = Vmcs12.LinkPointer(vmcs);
        if (secondary && (controls.Secondary & VmxBits.SecondaryVmcsShadowing) != 0 && link != NoAddress)
        {
            bool shadow = link != current && state.Length >= ShadowAt + DataSize && Vmcs12.Word(state[ShadowAt..]) == (Vmcs12.Revision | Vmcs12.Shadow);
            if (!shadow)
            {
                return ClauseTable.NestedVmxShadow;
            }
        }

        if (vcpu.Vmx is not { KnowsControls: true, Values: var own })
        {
            return MissingFact.Rule("featureMsrs");
        }

        return !VmxClauses.Fits(controls, own) ? ClauseTable.NestedVmxConsistency
            : enlightened ? VmxClauses.Carried(vcpu, controls)
            : null;
    }
}
