using System.Globalization;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Snapshot;

/// <summary>A named bit or field of a VMX capability MSR, in place in the 64-bit value.</summary>
/// <param name="Mask">The bits in place.</param>
/// <param name="Low">The lowest bit.</param>
/// <param name="Where">The SDM's notation: <c>MSR 48FH IA32_VMX_TRUE_EXIT_CTLS[44] may be 1</c>.</param>
/// <param name="Names">The control's name and QEMU's.</param>
public sealed record VmxCapabilityField(ulong Mask, int Low, string Where, string Names)
{
    private const int Half = 32;

    /// <summary>The fields of one of the MSRs, ascending; none for any other MSR and for those whose bits are those of CR0 and CR4.</summary>
    public static IReadOnlyList<VmxCapabilityField> Of(uint index)
    {
        if (GroupOf(index) is not { } group)
        {
            return [];
        }

        bool halves = group is VmxControlGroup.PinBased or VmxControlGroup.Primary or VmxControlGroup.Secondary or VmxControlGroup.Exit or VmxControlGroup.Entry;
        VmxControl[] rows = [.. VmxControls.Of(group).Where(static row => !row.Reserved)];
        return halves
            ? [.. rows.Select(row => Make(index, row, 0, " must be 1")), .. rows.Select(row => Make(index, row, Half, " may be 1"))]
            : [.. rows.Select(row => Make(index, row, 0, ""))];
    }

    private static VmxControlGroup? GroupOf(uint index) => index switch
    {
        MsrIndex.Ia32VmxBasic => VmxControlGroup.Basic,
        MsrIndex.Ia32VmxPinbasedCtls or MsrIndex.Ia32VmxTruePinbasedCtls => VmxControlGroup.PinBased,
        MsrIndex.Ia32VmxProcbasedCtls or MsrIndex.Ia32VmxTrueProcbasedCtls => VmxControlGroup.Primary,
        MsrIndex.Ia32VmxExitCtls or MsrIndex.Ia32VmxTrueExitCtls => VmxControlGroup.Exit,
        MsrIndex.Ia32VmxEntryCtls or MsrIndex.Ia32VmxTrueEntryCtls => VmxControlGroup.Entry,
        MsrIndex.Ia32VmxProcbasedCtls2 => VmxControlGroup.Secondary,
        MsrIndex.Ia32VmxProcbasedCtls3 => VmxControlGroup.Tertiary,
        MsrIndex.Ia32VmxExitCtls2 => VmxControlGroup.SecondaryExit,
        MsrIndex.Ia32VmxMisc => VmxControlGroup.Misc,
        MsrIndex.Ia32VmxEptVpidCap => VmxControlGroup.EptVpidCap,
        MsrIndex.Ia32VmxVmfunc => VmxControlGroup.VmFunctions,
        _ => null,
    };

    private static VmxCapabilityField Make(uint index, VmxControl row, int shift, string meaning)
    {
        int low = row.Low + shift;
        int high = row.High + shift;
        string bits = low == high ? string.Create(CultureInfo.InvariantCulture, $"[{low}]") : string.Create(CultureInfo.InvariantCulture, $"[{high}:{low}]");
        string names = row.Qemu is null ? row.Name : $"{row.Name} {row.Qemu} (QEMU)";
        return new VmxCapabilityField(row.Mask << shift, low, KnownMsrs.Describe(index) + bits + meaning, names);
    }
}
