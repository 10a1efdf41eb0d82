using Portolan.Documents.Json;
using Portolan.Kvm.Guest.Readings;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Guests;

/// <summary>What code in a guest read, as documents of schema <c>portolan/guest-reading/1</c>. The XSAVE image is base64.</summary>
public static class GuestReadingDocument
{
    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<GuestReading> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.GuestReading, ReadFields, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(GuestReading reading)
    {
        ArgumentNullException.ThrowIfNull(reading);
        using DocumentWriter writer = new(DocumentKind.GuestReading, reading.Extensions);
        writer.Text("undecided", reading.Undecided);
        writer.Text("xcr0", reading.Xcr0);
        writer.Hex("components", reading.Components.Bits);
        VcpuFields.WriteImage(writer, "xsave", reading.Xsave);
        writer.Objects("cpuid", reading.Cpuid, read =>
        {
            writer.Hex("leaf", read.Address.Leaf);
            writer.Hex("subleaf", read.Address.Subleaf);
            writer.Text("read", read.Answer);
        });
        writer.Objects("msrs", reading.Msrs, read =>
        {
            writer.Hex("index", read.Index);
            writer.Text("read", read.Answer);
        });
        return writer.Finish();
    }

    private static GuestReading ReadFields(ObjectCursor root) => new()
    {
        Undecided = root.OptionalText("undecided"),
        Xcr0 = root.Text("xcr0"),
        Components = new XFeatureMask(root.Hex("components")),
        Xsave = VcpuFields.ReadImage(root, "xsave"),
        Cpuid = [.. Rows(root, "cpuid", static row => new CpuidRead(new CpuidAddress(row.Hex32("leaf"), row.Hex32("subleaf")), row.Text("read")))],
        Msrs = [.. Rows(root, "msrs", static row => new MsrRead(row.Hex32("index"), row.Text("read")))],
    };

    private static IEnumerable<T> Rows<T>(ObjectCursor root, string name, Func<ObjectCursor, T> read)
    {
        foreach ((JsonValue value, string path) in root.Items(root.Required(name), root.PathOf(name)))
        {
            ObjectCursor row = root.Enter(value, path);
            T one = read(row);
            row.Finish(path);
            yield return one;
        }
    }
}
