using System.Globalization;
using System.Xml.Linq;
using Portolan.Testing;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Tests;

/// <summary>libvirt's recorded hosts: the processor's own CPUID (.xml) and QEMU's answers on that host (.json).</summary>
internal static class LibvirtCaptures
{
    public const string Folder = "libvirt-cputestdata";
    private const string Prefix = "x86_64-cpuid-";

    /// <summary>The names of the hosts that have both, <c>EPYC-7502-32-Core</c>.</summary>
    public static IReadOnlyList<string> WithBoth()
        => [.. Directory.GetFiles(Repository.SharedData(Folder), Prefix + "*.json")
            .Select(static file => Path.GetFileNameWithoutExtension(file)[Prefix.Length..]).Order(StringComparer.Ordinal)];

    public static ReadOnlyMemory<byte> Bytes(string file) => File.ReadAllBytes(Path.Combine(Repository.SharedData(Folder), file));

    public static ImportRequest Request(string name, string extension)
        => new($"{Prefix}{name}.{extension}", Bytes($"{Prefix}{name}.{extension}"));

    /// <summary>The processor's CPUID, read by nothing that the importers share.</summary>
    public static CpuidTable Native(string name)
    {
        using MemoryStream stream = new(Bytes($"{Prefix}{name}.xml").ToArray());
        return CpuidTable.From(XDocument.Load(stream).Root!.Elements("cpuid").Select(static row =>
        {
            uint leaf = Hex(row, "eax_in");
            return new CpuidEntry(
                new(leaf, Hex(row, "ecx_in")), CpuidLeaves.SubleafIsSignificant(leaf), new(Hex(row, "eax"), Hex(row, "ebx"), Hex(row, "ecx"), Hex(row, "edx")));
        }).DistinctBy(static row => row.Address));
    }

    private static uint Hex(XElement row, string name) => uint.Parse(row.Attribute(name)!.Value.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
