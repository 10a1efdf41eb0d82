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
        if (VmxReadings.GroupOf(index) is not { } group)
        {
            return [];
        }

        bool halves = VmxReadings.HasAllowedZero(group);
        VmxControl[] rows = [.. VmxControls.Of(group).Where(static row => !row.Reserved)];
        return halves
            ? [.. rows.Select(row => Make(index, row, 0, " must be 1")), .. rows.Select(row => Make(index, row, Half, " may be 1"))]
            : [.. rows.Select(row => Make(index, row, 0, ""))];
    }

    private static VmxCapabilityField Make(uint index, VmxControl row, int shift, string meaning)
    {
        int low = row.Low + shift;
        int high = row.High + shift;
        string bits = low == high ? string.Create(CultureInfo.InvariantCulture, $"[{low}]") : string.Create(CultureInfo.InvariantCulture, $"[{high}:{low}]");
        string names = row.Qemu is null ? row.Name : $"{row.Name} {row.Qemu} (QEMU)";
        return new VmxCapabilityField(row.Mask << shift, low, KnownMsrs.Describe(index) + bits + meaning, names);
    }
}
