namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/vmx-cr4-fixed1.tsv: from which CPUID bits KVM makes up IA32_VMX_CR4_FIXED1.</summary>
internal sealed class VmxCr4Fixed1Table : ITable
{
    private const string Table = "data/x86/vmx-cr4-fixed1.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Table, ["cr4", "bit", "leaf", "subleaf", "register", "cpuid-bit", "since", "source"], problems);
        file.RequireUnique(problems, "leaf", "subleaf", "register", "cpuid-bit", "bit");
        CodeWriter code = new(Table);
        code.Line("using Portolan.X86.Cpuid;");
        code.Line();
        code.Line("namespace Portolan.X86.Vmx;");
        code.Line();
        code.Open("public static partial class VmxFixed1");
        code.Line("private static Cr4Row[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            BitRange cr4 = BitRange.Read(row, "bit", 64, problems);
            BitRange bit = BitRange.Read(row, "cpuid-bit", 32, problems);
            string register = CodeWriter.Pascal(row.Word("register", problems, "eax", "ebx", "ecx", "edx"));
            string since = row.Word("since", problems, "original", "6.8", "6.18") switch
            {
                "6.8" => "WithLam",
                "6.18" => "WithCet",
                _ => "Original",
            };
            code.Line($"    new({cr4.Low}, {row.Number("leaf", problems)}, {row.Number("subleaf", problems)}, "
                + $"CpuidRegister.{register}, {bit.Low}, VmxFixed1Span.{since}), // CR4.{row["cr4"]}");
        }

        code.Line("];");
        code.Close();
        return [new GeneratedFile("src/Portolan.X86/Vmx/VmxFixed1.g.cs", code.ToString())];
    }
}
