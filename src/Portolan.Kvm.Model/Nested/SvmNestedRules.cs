using System.Buffers.Binary;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Registers;
using static Portolan.Kvm.Model.Nested.NestedHeader;

namespace Portolan.Kvm.Model.Nested;

/// <summary>The predicate of svm_set_nested_state (contract N8). Null is accepted.</summary>
internal static class SvmNestedRules
{
    /// <summary>VMCB control area: intercept vector 3, whose bit 0 must intercept VMRUN (AMD APM vol. 2, app. B).</summary>
    private const int InterceptVmrunAt = 0x10;
    private const int AsidAt = 0x58;
    private const int NestedControlAt = 0x90;
    private const int EferAt = 0x4d0;
    private const int Cr4At = 0x548;
    private const int Cr3At = 0x550;
    private const int Cr0At = 0x558;

    /// <summary>The first rule that a state violates.</summary>
    public static RefusalRule? Violated(ReadOnlySpan<byte> state, ModelVcpu vcpu)
    {
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state);
        if ((flags & ~(GuestMode | RunPending | GifSet)) != 0)
        {
            return ClauseTable.NestedSvmFlags;
        }

        bool guestMode = (flags & GuestMode) != 0;
        if ((vcpu.Registers.System.Efer & ControlRegisters.EferSvme) == 0)
        {
            return flags == GifSet ? null : ClauseTable.NestedSvmSvme;
        }

        if (guestMode && vcpu.Registers.InSmm)
        {
            return ClauseTable.NestedSvmSmm;
        }

        return guestMode ? Entered(state, vcpu) : null;
    }

    private static RefusalRule? Entered(ReadOnlySpan<byte> state, ModelVcpu vcpu)
    {
        if (!vcpu.Cpuid.IsPageAddress(BinaryPrimitives.ReadUInt64LittleEndian(state[VmcbAt..])))
        {
            return ClauseTable.NestedSvmVmcbAddress;
        }

        if (state.Length < Size + DataSize)
        {
            return ClauseTable.NestedSvmSize;
        }

        ReadOnlySpan<byte> vmcb = state[DataAt..];
        bool intercepts = (vmcb[InterceptVmrunAt] & 1) != 0;
        bool hasAsid = BinaryPrimitives.ReadUInt32LittleEndian(vmcb[AsidAt..]) != 0;
        bool npt = (BinaryPrimitives.ReadUInt64LittleEndian(vmcb[NestedControlAt..]) & 1) != 0;
        if (!intercepts || !hasAsid || (npt && !SupportsNpt(vcpu)))
        {
            return ClauseTable.NestedSvmControl;
        }

        return SavedL1(vmcb, vcpu);
    }

    /// <summary>CPUID.8000000AH:EDX[0] of the guest.</summary>
    private static bool SupportsNpt(ModelVcpu vcpu) => vcpu.Cpuid.Features[Cpuid.ModelFeature.Npt];

    private static RefusalRule? SavedL1(ReadOnlySpan<byte> vmcb, ModelVcpu vcpu)
    {
        ulong cr0 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr0At..]);
        ulong cr3 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr3At..]);
        ulong cr4 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr4At..]);
        ulong efer = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[EferAt..]);
        const ulong Protected = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Pg;
        ulong l2 = vcpu.Registers.System.Cr0;
        bool l2Legal = (l2 & (ControlRegisters.Cr0Nw | ControlRegisters.Cr0Cd)) != ControlRegisters.Cr0Nw;
        bool legal = (cr0 & Protected) == Protected
            && SystemRegisterRules.Cr0(cr0) is null
            && (efer & ControlRegisters.EferSvme) != 0
            && (cr3 & vcpu.Cpuid.ReservedAddressBits) == 0
            && ((efer & ControlRegisters.EferLme) == 0 || (cr4 & ControlRegisters.Cr4Pae) != 0);
        return l2Legal && legal ? null : ClauseTable.NestedSvmL1;
    }
}
