using System.Buffers.Binary;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using static Portolan.Kvm.Model.Nested.NestedHeader;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_NESTED_STATE of SVM (contract N8).</summary>
internal static class SvmNestedClauses
{
    // The VMCB's control area and save area (AMD APM vol. 2, appendix B).
    private const int InterceptVmrunAt = 0x10;
    private const int AsidAt = 0x58;
    private const int NestedControlAt = 0x90;
    private const int SaveAreaAt = 0x400;
    private const int EferAt = SaveAreaAt + 0xd0;
    private const int Cr4At = SaveAreaAt + 0x148;
    private const int Cr3At = SaveAreaAt + 0x150;
    private const int Cr0At = SaveAreaAt + 0x158;

    /// <summary>The rule that refuses; null if the state is accepted.</summary>
    public static RefusalRule? Violated(PaperVcpu vcpu, ReadOnlySpan<byte> state, ushort flags)
    {
        bool guestMode = (flags & GuestMode) != 0;
        return (flags & ~(GuestMode | RunPending | GifSet)) != 0 ? ClauseTable.NestedSvmFlags
            : (vcpu.System.Efer & EferSvme) == 0 ? flags == GifSet ? null : ClauseTable.NestedSvmSvme
            : !guestMode ? null
            : vcpu.InSmm ? ClauseTable.NestedSvmSmm
            : !vcpu.Guest.IsPageAddress(BinaryPrimitives.ReadUInt64LittleEndian(state[VmcbAt..])) ? ClauseTable.NestedSvmVmcbAddress
            : state.Length < DataAt + DataSize ? ClauseTable.NestedSvmSize
            : !IsControlLegal(vcpu, state[DataAt..]) ? ClauseTable.NestedSvmControl
            : IsSavedL1Legal(vcpu, state[DataAt..]) ? null
            : ClauseTable.NestedSvmL1;
    }

    private static bool IsControlLegal(PaperVcpu vcpu, ReadOnlySpan<byte> vmcb)
    {
        bool nestedPaging = (vmcb[NestedControlAt] & 1) != 0;
        return (vmcb[InterceptVmrunAt] & 1) != 0
            && BinaryPrimitives.ReadUInt32LittleEndian(vmcb[AsidAt..]) != 0
            && (!nestedPaging || vcpu.Guest.Features[ModelFeature.Npt]);
    }

    private static bool IsSavedL1Legal(PaperVcpu vcpu, ReadOnlySpan<byte> vmcb)
    {
        ulong cr0 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr0At..]);
        ulong cr3 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr3At..]);
        ulong cr4 = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[Cr4At..]);
        ulong efer = BinaryPrimitives.ReadUInt64LittleEndian(vmcb[EferAt..]);
        ulong l2 = vcpu.System.Cr0;
        return ((l2 & Cr0Nw) == 0 || (l2 & Cr0Cd) != 0)
            && (cr0 & Cr0Pe) != 0 && (cr0 & Cr0Pg) != 0 && SregsClauses.Cr0(cr0) is null
            && (efer & EferSvme) != 0
            && (cr3 & vcpu.Guest.ReservedAddressBits) == 0
            && ((efer & EferLme) == 0 || (cr4 & Cr4Pae) != 0);
    }
}
