namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/vmx-secondary-cpuid.tsv: the secondary controls that follow the guest's CPUID.</summary>
internal sealed class VmxSecondaryCpuidTable : ITable
{
    private const string Table = "data/x86/vmx-secondary-cpuid.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Table, ["control", "bit", "leaf", "subleaf", "register", "cpuid-bit", "source"], problems);
        file.RequireUnique(problems, "bit", "leaf", "subleaf", "register", "cpuid-bit");
        CodeWriter code = new(Table);
        code.Line("using Portolan.X86.Cpuid;");
        code.Line();
        code.Line("namespace Portolan.X86.Vmx;");
        code.Line();
        code.Open("public static partial class VmxSecondaryCpuid");
        code.Line("private static Row[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            BitRange control = BitRange.Read(row, "bit", 32, problems);
            BitRange bit = BitRange.Read(row, "cpuid-bit", 32, problems);
            string register = CodeWriter.Pascal(row.Word("register", problems, "eax", "ebx", "ecx", "edx"));
            code.Line($"    new({control.Low}, {row.Number("leaf", problems)}, {row.Number("subleaf", problems)}, "
                + $"CpuidRegister.{register}, {bit.Low}), // {row["control"]}");
        }

        code.Line("];");
        code.Close();
        return [new GeneratedFile("src/Portolan.X86/Vmx/VmxSecondaryCpuid.g.cs", code.ToString())];
    }
}
