using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Host;

/// <summary>CPUID tables in words.</summary>
internal static class CpuidReport
{
    private const int FamilyOfExtension = 0xf; // the extended family counts from here on (SDM vol. 2A, CPUID leaf 01H)
    private const int NamesPerLine = 8;

    /// <summary>Vendor, family, model, stepping.</summary>
    public static string Identity(CpuidTable table)
    {
        CpuidValues first = table.GetOrZero(0);
        byte[] vendor = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(vendor, first.Ebx);
        BinaryPrimitives.WriteUInt32LittleEndian(vendor.AsSpan(4), first.Edx);
        BinaryPrimitives.WriteUInt32LittleEndian(vendor.AsSpan(8), first.Ecx);
        uint family = Number(table, "family");
        uint model = Number(table, "model");
        model |= Number(table, "extended-model") << 4;
        family += family == FamilyOfExtension ? Number(table, "extended-family") : 0;
        return Printable.OneLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Encoding.Latin1.GetString(vendor).TrimEnd('\0')} family {family:X}H model {model:X2}H stepping {Number(table, "stepping")}"));
    }

    /// <summary>The named bits that are set, by the names of QEMU and Linux, and those that are unknown.</summary>
    public static void Features(TextReport report, string heading, CpuidTable? table, CpuidTable? unknown)
    {
        report.Heading(heading);
        if (table is null)
        {
            report.Line($"  {SnapshotWords.Unknown}", LineTone.Doubtful);
            return;
        }

        List<string> open = [];
        List<string> names = [];
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            if (!feature.IsBit || feature.Rule == MigrationRule.Synthesised)
            {
                continue;
            }

            if (unknown is not null && feature.Space == CpuidSpace.Cpu && feature.ValueIn(unknown.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)) != 0)
            {
                open.Add(ShortName(feature));
            }
            else if (table.Has(feature))
            {
                names.Add(ShortName(feature));
            }
        }

        Lines(report, names, LineTone.Plain);
        if (open.Count > 0)
        {
            report.Line("  not known:", LineTone.Doubtful);
            Lines(report, open, LineTone.Doubtful);
        }
    }

    /// <summary>The components that leaf 0DH gives a place, and the sizes.</summary>
    public static void Components(TextReport report, CpuidTable? table)
    {
        if (table is null)
        {
            return;
        }

        if (!XsaveLayout.TryFrom(table, out XsaveLayout layout, out IReadOnlyList<XsaveLayoutFault> faults))
        {
            report.Line($"  leaf 0DH is impossible: {Printable.OneLine(faults[0].ToString())}", LineTone.Bad);
            return;
        }

        foreach (XsaveComponent component in layout.Components)
        {
            report.Line($"  {component}");
        }

        XFeatureMask xcr0 = XsaveLeaf.Xcr0(table);
        if (!xcr0.IsEmpty)
        {
            report.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"  image {layout.TotalSize(xcr0)} bytes with XCR0 {xcr0}, compacted {layout.CompactedSize(xcr0 | XsaveLeaf.Xss(table))} bytes"));
        }
    }

    private static string ShortName(CpuidFeature feature) => feature.Qemu ?? (feature.Libvirt.Count > 0 ? feature.Libvirt[0] : feature.Name);

    private static void Lines(TextReport report, List<string> names, LineTone tone)
    {
        foreach (string[] line in names.Chunk(NamesPerLine))
        {
            report.Line("  " + string.Join(' ', line), tone);
        }
    }

    private static uint Number(CpuidTable table, string field) => table.Value(FeatureTable.Get(field));
}
