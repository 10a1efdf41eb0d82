using System.Globalization;
using System.Numerics;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Plausibility;

/// <summary>What no processor's VMX capability MSRs can say.</summary>
internal static class MsrPlausibility
{
    private const int LeastRotated = 3;
    private const int BitsPerByte = 8;
    private const int Half = 32;

    private static readonly uint[] Controls =
    [
        MsrIndex.Ia32VmxPinbasedCtls, MsrIndex.Ia32VmxProcbasedCtls, MsrIndex.Ia32VmxExitCtls, MsrIndex.Ia32VmxEntryCtls, MsrIndex.Ia32VmxProcbasedCtls2,
        MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxTrueEntryCtls,
    ];

    private static readonly (uint Plain, uint True)[] Forms =
    [
        (MsrIndex.Ia32VmxPinbasedCtls, MsrIndex.Ia32VmxTruePinbasedCtls), (MsrIndex.Ia32VmxProcbasedCtls, MsrIndex.Ia32VmxTrueProcbasedCtls),
        (MsrIndex.Ia32VmxExitCtls, MsrIndex.Ia32VmxTrueExitCtls), (MsrIndex.Ia32VmxEntryCtls, MsrIndex.Ia32VmxTrueEntryCtls),
    ];

    private static readonly (uint Fixed0, uint Fixed1)[] Fixed =
        [(MsrIndex.Ia32VmxCr0Fixed0, MsrIndex.Ia32VmxCr0Fixed1), (MsrIndex.Ia32VmxCr4Fixed0, MsrIndex.Ia32VmxCr4Fixed1)];

    /// <summary>The MSRs that can be believed, and a remark about each that cannot.</summary>
    public static MsrTable Check(MsrTable msrs, List<string> remarks)
    {
        HashSet<uint> doubted = [];
        Rotated(msrs, doubted, remarks);
        foreach (uint index in Controls)
        {
            if (TryGet(msrs, index, doubted, out ulong value) && (Low(value) & ~High(value)) != 0)
            {
                Doubt(doubted, remarks, $"{KnownMsrs.Describe(index)} says that bits {Low(value) & ~High(value):x}H must be 1 and must be 0", index);
            }
        }

        foreach ((uint plain, uint form) in Forms)
        {
            if (TryGet(msrs, plain, doubted, out ulong one) && TryGet(msrs, form, doubted, out ulong other)
                && (High(one) != High(other) || (Low(other) & ~Low(one)) != 0))
            {
                Doubt(doubted, remarks, $"{KnownMsrs.Describe(plain)} and {KnownMsrs.Describe(form)} contradict each other (SDM vol. 3D A.2)", plain, form);
            }
        }

        foreach ((uint zero, uint one) in Fixed)
        {
            if (TryGet(msrs, zero, doubted, out ulong least) && TryGet(msrs, one, doubted, out ulong most) && (least & ~most) != 0)
            {
                Doubt(doubted, remarks, $"{KnownMsrs.Describe(zero)} and {KnownMsrs.Describe(one)} fix the same bits to 1 and to 0", zero, one);
            }
        }

        return doubted.Count == 0 ? msrs : MsrTable.From(msrs.Where(msr => !doubted.Contains(msr.Index)));
    }

    /// <summary>
    /// Linux's msr driver answers every eight bytes of one read with the same register (arch/x86/kernel/msr.c, msr_read). A program that
    /// reads through a buffer and seeks inside it gets the first register again, rotated by one byte for each index it moved on.
    /// </summary>
    private static void Rotated(MsrTable msrs, HashSet<uint> doubted, List<string> remarks)
    {
        foreach (MsrValue first in msrs)
        {
            if (doubted.Contains(first.Index) || first.Value == BitOperations.RotateRight(first.Value, BitsPerByte))
            {
                continue;
            }

            uint[] copies = [.. msrs.Where(other => other.Index > first.Index && IsCopy(first, other)).Select(static other => other.Index)];
            if (copies.Length >= LeastRotated)
            {
                bool isVmx = VmxCapabilities.Has(first.Index);
                Doubt(
                    doubted,
                    remarks,
                    string.Create(CultureInfo.InvariantCulture, $"{copies.Length} MSRs, {KnownMsrs.Describe(copies[0])} to {KnownMsrs.Describe(copies[^1])}, hold {KnownMsrs.Describe(first.Index)} rotated by one byte for each index: /dev/cpu/N/msr was read through a buffer"),
                    isVmx ? [first.Index, .. copies] : copies);
            }
        }
    }

    private static bool IsCopy(MsrValue first, MsrValue other)
        => (other.Index - first.Index) % sizeof(ulong) != 0
            ? other.Value == BitOperations.RotateRight(first.Value, (int)((other.Index - first.Index) % sizeof(ulong)) * BitsPerByte)
            : other.Value == first.Value;

    private static void Doubt(HashSet<uint> doubted, List<string> remarks, string why, params uint[] indices)
    {
        doubted.UnionWith(indices);
        remarks.Add($"{why}; not believed, and unknown");
    }

    private static bool TryGet(MsrTable msrs, uint index, HashSet<uint> doubted, out ulong value)
    {
        value = 0;
        return !doubted.Contains(index) && msrs.TryGet(index, out value);
    }

    private static uint Low(ulong value) => (uint)(value & uint.MaxValue);

    private static uint High(ulong value) => (uint)(value >> Half);
}
