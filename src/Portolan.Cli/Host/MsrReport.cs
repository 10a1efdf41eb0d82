using System.Globalization;
using System.Numerics;
using Portolan.Cli.Frame;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Cli.Host;

/// <summary>MSR values in words.</summary>
internal static class MsrReport
{
    /// <summary>Feature MSRs bit by bit; of the VMX capability MSRs what a guest may choose.</summary>
    public static void Features(TextReport report, HostSnapshot host)
    {
        PartlyKnownMsr[] partly = [.. PartlyKnownMsr.Of(host).Where(msr => host.FeatureMsrs?.Value.Contains(msr.Index) is not true)];
        Features(report, host.FeatureMsrs?.Value ?? (partly.Length > 0 ? MsrTable.Empty : null));
        foreach (PartlyKnownMsr msr in partly)
        {
            PartlyKnown(report, msr);
        }
    }

    /// <summary>The CPU's own MSRs as another tool read them; nothing where none did.</summary>
    public static void Native(TextReport report, HostSnapshot host)
    {
        if (host.NativeMsrs is { } native)
        {
            Features(report, native.Value, "The CPU's own MSRs");
        }
    }

    /// <summary>Feature MSRs whose whole value is known.</summary>
    public static void Features(TextReport report, MsrTable? table, string heading = "Feature MSRs")
    {
        report.Heading(heading);
        if (table is null)
        {
            report.Line($"  {SnapshotWords.Unknown}", LineTone.Doubtful);
            return;
        }

        foreach (MsrValue msr in table)
        {
            report.Line(string.Create(CultureInfo.InvariantCulture, $"  {KnownMsrs.Describe(msr.Index)} = 0x{msr.Value:x16}"));
            report.Columns(VmxCapabilities.Has(msr.Index) ? Vmx(msr) : Named(msr), indent: 6);
        }
    }

    /// <summary>The names of the bits that are set, and the values of the fields.</summary>
    private static IEnumerable<string[]> Named(MsrValue msr)
    {
        foreach (MsrBits bits in KnownMsrs.Find(msr.Index)?.Bits ?? [])
        {
            ulong value = bits.Of(msr.Value);
            if (value != 0)
            {
                yield return [bits.ToString(), bits.Low == bits.High ? "" : string.Create(CultureInfo.InvariantCulture, $"0x{value:x}")];
            }
        }
    }

    /// <summary>What is known of a feature MSR bit by bit: 1, 0, or unknown.</summary>
    private static void PartlyKnown(TextReport report, PartlyKnownMsr msr)
    {
        report.Line(string.Create(CultureInfo.InvariantCulture, $"  {KnownMsrs.Describe(msr.Index)}: {BitOperations.PopCount(msr.Known)} bits known"), LineTone.Doubtful);
        report.Columns(
            VmxCapabilities.Has(msr.Index)
                ? VmxCapabilityField.Of(msr.Index).Select(field => new[] { field.Where[field.Where.IndexOf('[', StringComparison.Ordinal)..], field.Names, Known(msr, field.Mask, field.Low) })
                : (KnownMsrs.Find(msr.Index)?.Bits ?? []).Select(bits => new[] { bits.ToString(), "", Known(msr, bits.Mask, bits.Low) }),
            indent: 6);
    }

    private static string Known(PartlyKnownMsr msr, ulong mask, int low)
        => (msr.Known & mask) != mask ? SnapshotWords.Unknown
            : BitOperations.IsPow2(mask) ? ((msr.Value & mask) != 0 ? "1" : "0")
            : string.Create(CultureInfo.InvariantCulture, $"0x{(msr.Value & mask) >> low:x}");

    private static IEnumerable<string[]> Vmx(MsrValue msr)
    {
        foreach (VmxCapabilityField field in VmxCapabilityField.Of(msr.Index))
        {
            ulong value = (msr.Value & field.Mask) >> field.Low;
            bool isBit = BitOperations.IsPow2(field.Mask);
            if (value != 0)
            {
                string bits = field.Where[field.Where.IndexOf('[', StringComparison.Ordinal)..];
                yield return [bits, isBit ? field.Names : string.Create(CultureInfo.InvariantCulture, $"{field.Names} = 0x{value:x}")];
            }
        }
    }
}
