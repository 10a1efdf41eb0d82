using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm;

/// <summary>
/// What code in the guest can observe and do. The model answers directly; the live side runs assembled guest code.
/// Running guest code is a KVM_RUN: from then on the rules for a vCPU that has run apply (contract C5, M4).
/// </summary>
public interface IGuestCpu
{
    /// <summary>CPUID with EAX = <paramref name="leaf"/>, ECX = <paramref name="subleaf"/>.</summary>
    GuestAnswer<CpuidValues> Cpuid(uint leaf, uint subleaf);

    /// <summary>RDMSR.</summary>
    GuestAnswer<ulong> Rdmsr(uint index);

    /// <summary>WRMSR.</summary>
    GuestAnswer<ulong> Wrmsr(uint index, ulong value);

    /// <summary>XGETBV with ECX = <paramref name="index"/>.</summary>
    GuestAnswer<XFeatureMask> Xgetbv(uint index);

    /// <summary>XSETBV with ECX = <paramref name="index"/>.</summary>
    GuestAnswer<XFeatureMask> Xsetbv(uint index, XFeatureMask value);

    /// <summary>
    /// XSAVE64 in 64-bit mode with EDX:EAX = <paramref name="components"/>: <see cref="GuestXsaveArea.Size"/> bytes of the standard format, zero
    /// where the instruction did not write. What is not in XCR0 it leaves out.
    /// </summary>
    GuestAnswer<byte[]> Xsave(XFeatureMask components);

    /// <summary>
    /// XRSTOR64 in 64-bit mode with EDX:EAX = <paramref name="components"/>; answers them. An image shorter than
    /// <see cref="GuestXsaveArea.Size"/> bytes is continued with zeros.
    /// </summary>
    GuestAnswer<XFeatureMask> Xrstor(ReadOnlySpan<byte> image, XFeatureMask components);

    /// <summary>VMLAUNCH of an L2 with these controls; through an enlightened VMCS if <paramref name="enlightened"/>.</summary>
    GuestAnswer<VmEntryOutcome> VmEntry(in VmxControlSettings controls, bool enlightened);
}

/// <summary>The memory that XSAVE and XRSTOR use in the guest.</summary>
public static class GuestXsaveArea
{
    /// <summary>Room for every user component of the standard format.</summary>
    public const int Size = 3 * 4096;
}

/// <summary>What an instruction in the guest gives: a value, a fault, or nothing because it cannot be tried here.</summary>
/// <param name="Value">The value; meaningless with a fault.</param>
/// <param name="Fault">The fault.</param>
/// <param name="Rule">The rule behind the fault; the model knows it.</param>
/// <param name="Reason">Why it cannot be tried here; only with <see cref="GuestFault.NotDecidable"/>.</param>
public readonly record struct GuestAnswer<T>(T Value, GuestFault Fault = GuestFault.None, RefusalRule? Rule = null, string? Reason = null)
{
    /// <summary>Did the instruction retire?</summary>
    public bool Ok => Fault == GuestFault.None;

    /// <summary>The value's text, or the fault's name.</summary>
    public override string ToString()
        => Ok ? $"{Value}" : Fault == GuestFault.NotDecidable ? $"not decidable{(Reason is null ? string.Empty : $": {Reason}")}" : $"#{Fault}";
}

/// <summary>What stopped an instruction in the guest.</summary>
public enum GuestFault
{
    /// <summary>Nothing: it retired.</summary>
    None,

    /// <summary>#UD, invalid opcode.</summary>
    UD,

    /// <summary>#NM, device not available.</summary>
    NM,

    /// <summary>#GP, general protection.</summary>
    GP,

    /// <summary>Another exception.</summary>
    Other,

    /// <summary>It cannot be tried on this subject, for instance because no guest runs.</summary>
    NotDecidable,
}

/// <summary>How a nested VM entry ended (SDM vol. 3C, 28.1 to 28.4).</summary>
public enum VmEntryOutcome
{
    /// <summary>L2 was entered.</summary>
    Entered,

    /// <summary>VMfail with error 7: invalid control fields.</summary>
    VmFailInvalidControls,

    /// <summary>VMfail with error 8: invalid host-state fields.</summary>
    VmFailInvalidHostState,

    /// <summary>VMfailInvalid: no current VMCS.</summary>
    VmFailInvalid,

    /// <summary>A failed VM entry that exits with reason 33: invalid guest state.</summary>
    ConsistencyExit,
}
