using Portolan.X86.Cpuid;

namespace Portolan.X86.Vmx;

/// <summary>
/// IA32_VMX_CR0_FIXED1 and IA32_VMX_CR4_FIXED1 of a vCPU: KVM makes them up at KVM_SET_CPUID2, for a guest whose CPUID has VMX
/// (arch/x86/kvm/vmx/vmx.c nested_vmx_cr_fixed1_bits_update), and never lets them be written.
/// </summary>
public static partial class VmxFixed1
{
    private static readonly Cr4Row[] Rows = CreateRows();

    /// <summary>CR4.PCE may always be 1.</summary>
    private const ulong Cr4Pce = 1UL << 8;

    /// <summary>IA32_VMX_CR0_FIXED1: every bit of the 32-bit CR0.</summary>
    public static ulong Cr0 => uint.MaxValue;

    /// <summary>IA32_VMX_CR4_FIXED1 for a guest with this CPUID.</summary>
    public static ulong Cr4(CpuidTable guest, VmxFixed1Span span)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ulong fixed1 = Cr4Pce;
        foreach (Cr4Row row in Rows)
        {
            if (row.Since <= span && guest.TryGet(row.Leaf, row.Subleaf, out CpuidValues values) && (values[row.Register] >> row.CpuidBit & 1) != 0)
            {
                fixed1 |= 1UL << row.Cr4Bit;
            }
        }

        return fixed1;
    }

    private readonly record struct Cr4Row(int Cr4Bit, uint Leaf, uint Subleaf, CpuidRegister Register, int CpuidBit, VmxFixed1Span Since);
}
