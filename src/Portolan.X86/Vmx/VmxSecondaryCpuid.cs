using Portolan.X86.Cpuid;

namespace Portolan.X86.Vmx;

/// <summary>
/// IA32_VMX_PROCBASED_CTLS2 of a vCPU after KVM_SET_CPUID2: some controls may be one only if the guest's CPUID has a feature
/// (data/x86/vmx-secondary-cpuid.tsv).
/// </summary>
public static partial class VmxSecondaryCpuid
{
    private static readonly Row[] Rows = CreateRows();

    /// <summary>The vCPU's MSR once KVM_SET_CPUID2 gave it a CPUID.</summary>
    /// <param name="own">The MSR before.</param>
    /// <param name="maximum">The host's: a control that it does not allow stays forbidden.</param>
    /// <param name="guest">The CPUID.</param>
    public static VmxControlMsr Adjusted(VmxControlMsr own, VmxControlMsr maximum, CpuidTable guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        uint follows = 0;
        uint allowed = 0;
        foreach (Row row in Rows)
        {
            uint control = 1U << row.Control;
            follows |= control;
            allowed |= guest.TryGet(row.Leaf, row.Subleaf, out CpuidValues values) && (values[row.Register] >> row.CpuidBit & 1) != 0 ? control : 0;
        }

        return VmxControlMsr.Of(own.MustBeOne, own.MayBeOne & ~follows | allowed & maximum.MayBeOne);
    }

    private readonly record struct Row(int Control, uint Leaf, uint Subleaf, CpuidRegister Register, int CpuidBit);
}
