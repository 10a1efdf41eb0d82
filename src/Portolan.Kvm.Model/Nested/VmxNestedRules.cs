using System.Buffers.Binary;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Vmx;
using static Portolan.Kvm.Model.Nested.NestedHeader;

namespace Portolan.Kvm.Model.Nested;

/// <summary>The predicate of vmx_set_nested_state, in the kernel's order (contract N6, E14). Null is accepted.</summary>
internal static class VmxNestedRules
{
    /// <summary>The first rule that a state violates.</summary>
    /// <param name="state">The whole state, its size already judged.</param>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="isBare">There is no VMXON: the state only says so.</param>
    public static RefusalRule? Violated(ReadOnlySpan<byte> state, ModelVcpu vcpu, out bool isBare)
    {
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state);
        ulong vmxon = BinaryPrimitives.ReadUInt64LittleEndian(state[VmxonAt..]);
        ulong vmcs12 = BinaryPrimitives.ReadUInt64LittleEndian(state[Vmcs12At..]);
        ushort smm = BinaryPrimitives.ReadUInt16LittleEndian(state[SmmFlagsAt..]);
        isBare = vmxon == NoAddress;
        if (isBare)
        {
            if (smm != 0 || vmcs12 != NoAddress)
            {
                return ClauseTable.NestedVmxNoVmxon;
            }

            if ((flags & ~Evmcs) != 0)
            {
                return ClauseTable.NestedVmxNoVmxon;
            }
        }
        else if (!vcpu.Cpuid.Features[ModelFeature.Vmx])
        {
            return ClauseTable.NestedVmxCpuid;
        }
        else if (!vcpu.Cpuid.IsPageAddress(vmxon))
        {
            return ClauseTable.NestedVmxVmxonAddress;
        }

        return Modes(flags, smm, vcpu, isBare, state) ?? (isBare ? null : Current(state, flags, vmxon, vmcs12, smm, vcpu));
    }

    private static RefusalRule? Modes(ushort flags, ushort smm, ModelVcpu vcpu, bool isBare, ReadOnlySpan<byte> state)
    {
        bool guestMode = (flags & GuestMode) != 0;
        bool smmGuest = (smm & SmmGuestMode) != 0;
        bool inSmm = vcpu.Registers.InSmm;
        bool smmLegal = !(smmGuest && guestMode)
            && (smm & ~(SmmGuestMode | SmmVmxon)) == 0
            && !(smmGuest && (smm & SmmVmxon) == 0)
            && (inSmm ? (flags & (GuestMode | RunPending)) == 0 : smm == 0);
        if (!smmLegal)
        {
            return ClauseTable.NestedVmxSmm;
        }

        if ((BinaryPrimitives.ReadUInt32LittleEndian(state[VmxFlagsAt..]) & ~PreemptionTimerDeadline) != 0)
        {
            return ClauseTable.NestedVmxHeaderFlags;
        }

        if ((flags & Evmcs) == 0)
        {
            return null;
        }

        if (!vcpu.Cpuid.Features[ModelFeature.Vmx] || !vcpu.Nested.Evmcs.Enabled)
        {
            return ClauseTable.NestedVmxEvmcs;
        }

        return isBare && vcpu.Host.Behaviours.NestedEvmcsFlagWithoutVmxon != NestedEvmcsFlagWithoutVmxon.Tolerated
            ? MissingFact.Rule("nested.evmcs-flag-without-vmxon")
            : null;
    }

    private static RefusalRule? Current(ReadOnlySpan<byte> state, ushort flags, ulong vmxon, ulong vmcs12, ushort smm, ModelVcpu vcpu)
    {
        if (state.Length < Size + DataSize)
        {
            // VMXON without a current VMCS: the data are not there and need not be.
            bool none = (flags & (GuestMode | Evmcs)) == 0 && vmcs12 == NoAddress;
            return none ? null : ClauseTable.NestedVmxVmcs12Size;
        }

        if (vmcs12 != NoAddress)
        {
            if (vmcs12 == vmxon || !vcpu.Cpuid.IsPageAddress(vmcs12))
            {
                return ClauseTable.NestedVmxVmcs12Address;
            }
        }
        else if ((flags & Evmcs) == 0)
        {
            return ClauseTable.NestedVmxVmcs12Address;
        }

        ReadOnlySpan<byte> data = state.Slice(DataAt, DataSize);
        if (Vmcs12.RevisionOf(data) != Vmcs12.Revision)
        {
            return ClauseTable.NestedVmxVmcs12Revision;
        }

        return (flags & GuestMode) != 0 || (smm & SmmGuestMode) != 0 ? Entered(state, data, flags, vmcs12, vcpu) : null;
    }

    private static RefusalRule? Entered(ReadOnlySpan<byte> state, ReadOnlySpan<byte> data, ushort flags, ulong vmcs12, ModelVcpu vcpu)
    {
        VmxControlSettings controls = Vmcs12.Controls(data);
        bool shadowing = (controls.Primary & VmxBits.PrimaryActivateSecondaryControls) != 0
            && (controls.Secondary & VmxBits.SecondaryVmcsShadowing) != 0;
        ulong link = Vmcs12.LinkPointer(data);
        if (shadowing && link != NoAddress)
        {
            bool legal = state.Length >= ShadowAt + DataSize && link != vmcs12
                && Vmcs12.Word(state[ShadowAt..]) == (Vmcs12.Revision | Vmcs12.Shadow);
            if (!legal)
            {
                return ClauseTable.NestedVmxShadow;
            }
        }

        if (vcpu.Msrs.Vmx.Own is not { } own)
        {
            return MissingFact.Rule("featureMsrs");
        }

        if (!Vmcs12.Fits(controls, own))
        {
            return ClauseTable.NestedVmxConsistency;
        }

        return (flags & Evmcs) != 0 ? vcpu.Nested.Evmcs.CheckEntry(controls) : null;
    }
}
