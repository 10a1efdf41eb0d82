using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/vmcs12.tsv: the layout of struct vmcs12.</summary>
internal sealed class Vmcs12Table : ITable
{
    private const string Source = "data/kvm/vmcs12.tsv";
    private const ulong LargestOffset = 4096;

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["offset", "size", "name", "encoding", "source"], problems);
        file.RequireUnique(problems, "name");
        file.RequireUnique(problems, "offset");
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Streams.Cpu;");
        code.Line();
        code.Open("public static partial class Vmcs12Fields");
        code.Line("private static Vmcs12Field[] Rows() =>");
        code.Line("[");
        ulong end = 0;
        foreach (TsvRow row in file.Rows)
        {
            ulong offset = row.Number("offset", problems);
            ulong size = row.Number("size", problems);
            row.Word("size", problems, "2", "4", "8");
            if (offset < end || offset + size > LargestOffset)
            {
                problems.Add(row, "the fields should stand by offset, without overlap, within 4096 bytes");
            }

            end = offset + size;
            string encoding = row.Optional("encoding") is null ? "null" : string.Create(CultureInfo.InvariantCulture, $"0x{row.Number("encoding", problems):x4}");
            code.Line(string.Create(CultureInfo.InvariantCulture, $"    new({offset}, {size}, {CodeWriter.Literal(row["name"])}, {encoding}),"));
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Streams/Cpu/Vmcs12Fields.g.cs", code.ToString());
    }
}
