namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/vmx-restore-rules.tsv: why KVM refuses a VMX capability MSR, MSR by MSR in the order it looks.</summary>
internal sealed class VmxRestoreRulesTable : ITable
{
    internal const string Rules = "data/x86/vmx-restore-rules.tsv";

    internal static readonly string[] Columns = ["rule", "id", "msrs", "statement", "facts", "consequence", "rationale", "source"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Rules, Columns, problems);
        file.RequireUnique(problems, "rule");
        file.RequireUnique(problems, "id");
        CodeWriter code = new(Rules);
        code.Line("namespace Portolan.X86.Vmx;");
        code.Line();
        code.Summary("What KVM says to a VMX capability MSR that userspace restores.");
        code.Open("public enum VmxRestoreRule : byte");
        code.Summary("No rule refuses the value.");
        code.Line("Accepted,");
        foreach (TsvRow row in file.Rows)
        {
            code.Line();
            code.Summary($"Refused unless: {row["statement"]}.");
            code.Line(CodeWriter.Pascal(row["rule"]) + ",");
        }

        code.Close();
        code.Line();
        code.Open("public static partial class VmxRestoreRules");
        Texts(code, file, "IdOf", "id");
        Texts(code, file, "StatementOf", "statement");
        Texts(code, file, "FactsOf", "facts");
        Texts(code, file, "ConsequenceOf", "consequence");
        Texts(code, file, "RationaleOf", "rationale");
        Texts(code, file, "SourceOf", "source");
        RulesByMsr(code, file, problems);
        code.Close();
        return [new GeneratedFile("src/Portolan.X86/Vmx/VmxRestoreRules.g.cs", code.ToString())];
    }

    private static void Texts(CodeWriter code, TsvFile file, string method, string column)
    {
        code.Line($"private static string {method}(VmxRestoreRule rule) => rule switch");
        code.Line("{");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    VmxRestoreRule.{CodeWriter.Pascal(row["rule"])} => {CodeWriter.Literal(row[column])},");
        }

        code.Line("    _ => \"-\",");
        code.Line("};");
        code.Line();
    }

    private static void RulesByMsr(CodeWriter code, TsvFile file, Problems problems)
    {
        SortedDictionary<ulong, List<string>> rules = [];
        foreach (TsvRow row in file.Rows.Where(row => row["msrs"] != "all"))
        {
            foreach (ulong msr in MsrList.Read(row, "msrs", problems))
            {
                if (!rules.TryGetValue(msr, out List<string>? list))
                {
                    rules.Add(msr, list = []);
                }

                list.Add("VmxRestoreRule." + CodeWriter.Pascal(row["rule"]));
            }
        }

        code.Line("private static ReadOnlySpan<VmxRestoreRule> RulesOf(uint msr) => msr switch");
        code.Line("{");
        foreach ((ulong msr, List<string> list) in rules)
        {
            code.Line($"    0x{msr:x} => [{string.Join(", ", list)}],");
        }

        code.Line("    _ => [],");
        code.Line("};");
    }
}
