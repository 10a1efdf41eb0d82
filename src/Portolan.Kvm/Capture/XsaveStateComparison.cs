using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Capture;

/// <summary>Names what two uapi images mean differently.</summary>
internal static class XsaveStateComparison
{
    /// <summary>Adds every component that differs.</summary>
    /// <param name="left">One image, or nothing.</param>
    /// <param name="right">The other, or nothing.</param>
    /// <param name="table">The guest's CPUID, which gives both images their layout.</param>
    /// <param name="found">The differences.</param>
    internal static void Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, CpuidTable? table, List<StateDifference> found)
    {
        if (!ReadOnlyXsaveImage.TryOpen(left, out ReadOnlyXsaveImage a, out _) || !ReadOnlyXsaveImage.TryOpen(right, out ReadOnlyXsaveImage b, out _))
        {
            if (!left.SequenceEqual(right))
            {
                found.Add(new StateDifference(VcpuPart.Xsave, "size", Number(left.Length), Number(right.Length)));
            }

            return;
        }

        XsaveLayout layout = XsaveLayout.Legacy;
        if (table is not null && XsaveLayout.TryFrom(table, out XsaveLayout known, out _))
        {
            layout = known;
        }

        XsaveDifferences differences = XsaveComparison.Compare(a, layout, b, layout);
        foreach (int component in differences.Components.Components())
        {
            found.Add(new StateDifference(
                VcpuPart.Xsave, XFeatureTable.Names(XFeatureMask.Of(component)), Presence(a.XstateBv, component), Presence(b.XstateBv, component)));
        }

        if (differences.MxcsrDiffers)
        {
            found.Add(new StateDifference(
                VcpuPart.Xsave, "MXCSR", Hex(XsaveComparison.EffectiveMxcsr(a)), Hex(XsaveComparison.EffectiveMxcsr(b))));
        }

        // A component that the layout does not place can still be compared where both images have it at the same, unknown, place.
        if (!differences.Unreadable.IsEmpty
            && !(a.XstateBv == b.XstateBv && left[XsaveLayout.MinimumSize..].SequenceEqual(right[XsaveLayout.MinimumSize..])))
        {
            found.Add(new StateDifference(VcpuPart.Xsave, $"{differences.Unreadable} (no layout)", Hex(a.XstateBv.Bits), Hex(b.XstateBv.Bits)));
        }
    }

    private static string Presence(XFeatureMask xstateBv, int component) => xstateBv[component] ? "in XSTATE_BV" : "initial";

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
