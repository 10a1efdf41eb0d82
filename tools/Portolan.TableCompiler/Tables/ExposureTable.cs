using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/exposure.tsv: what KVM shows of a CPU, from which release, on what condition.</summary>
internal sealed class ExposureTable : ITable
{
    internal const string File = "data/kvm/exposure.tsv";

    internal static readonly string[] Columns = ["kind", "subject", "vendor", "kernels", "rule", "when", "source"];

    private static readonly string[] Kinds =
    [
        "bit", "field", "register", "leaf", "xfeature", "xss", "host-xfeature", "saved-msr", "feature-msr", "msr-bit", "capability", "parameter",
    ];

    private static readonly string[] Rules = ["host", "set", "min", "mask", "const", "guest-phys", "xsave2", "unknown"];
    private static readonly string[] WithOperand = ["min", "mask", "const"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, File, Columns, problems);
        file.RequireUnique(problems, "kind", "subject", "vendor", "kernels", "rule", "when");
        Problems others = new();
        HashSet<string> features = [.. TsvFile.Read(root, FeaturesTable.File, FeaturesTable.Columns, others).Rows.Select(row => row["name"])];
        HashSet<string> lines = [.. TsvFile.Read(root, CpuLinesTable.File, CpuLinesTable.Columns, others).Rows.Select(row => row["line"])];
        HashSet<string> parameters = [.. file.Rows.Where(row => row["kind"] == "parameter").Select(row => row["subject"])];
        Names names = new(features, lines, parameters);
        CodeWriter code = new(File);
        code.Line("using Portolan.Kvm.Kernel;");
        code.Line("using Portolan.X86.Cpuid;");
        code.Line("using Portolan.X86.Features;");
        code.Line();
        code.Line("namespace Portolan.Kvm.Model.Prediction;");
        code.Line();
        code.Open("public static partial class ExposureTable");
        code.Summary("Every row, in the table's order.");
        code.Line("public static IReadOnlyList<ExposureRow> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line("    " + Emit(row, names, problems) + ",");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Kvm.Model/Prediction/ExposureTable.g.cs", code.ToString());
    }

    private static string Emit(TsvRow row, Names names, Problems problems)
    {
        string kind = row.Word("kind", problems, Kinds);
        string place = Place(row, kind, names, problems);
        string vendor = CodeWriter.Pascal(row.Word("vendor", problems, "any", "intel", "amd"));
        (string rule, ulong operand) = Rule(row, problems);
        IEnumerable<string> when = row.List("when").Select(term => Condition(row, term, names, problems));
        return string.Create(CultureInfo.InvariantCulture, $"new(ExposureKind.{CodeWriter.Pascal(kind)}, {CodeWriter.Literal(row["subject"])}, {place}, CpuidVendor.{vendor}, {KernelSpans.Emit(row, "kernels", problems)}, ExposureRule.{CodeWriter.Pascal(rule)}, 0x{operand:x}, [{string.Join(", ", when)}], {CodeWriter.Literal(row["source"])})");
    }

    /// <summary>The numbers a subject is: leaf or index or component, subleaf, register, bit.</summary>
    private static string Place(TsvRow row, string kind, Names names, Problems problems)
    {
        string subject = row["subject"];
        string[] parts = subject.Split('.');
        uint number = 0;
        uint subleaf = 0;
        int bit = 0;
        string register = "Eax";
        bool ok = kind switch
        {
            "bit" or "field" => names.Features.Contains(subject),
            "register" => parts.Length == 3 && Hex(parts[0], out number) && Hex(parts[1], out subleaf) && Register(parts[2], out register),
            "leaf" or "saved-msr" or "feature-msr" => Hex(subject, out number),
            "xfeature" or "xss" or "host-xfeature" => Bit(subject, out bit),
            "msr-bit" => parts.Length == 2 && Hex(parts[0], out number) && Bit(parts[1], out bit),
            "capability" => subject.StartsWith("KVM_CAP_", StringComparison.Ordinal),
            _ => parts.Length == 2,
        };
        if (!ok)
        {
            problems.Add(row, $"'{subject}' is no {kind} that is known");
        }

        return string.Create(CultureInfo.InvariantCulture, $"0x{number:x}, {subleaf}, CpuidRegister.{register}, {bit}");
    }

    private static (string Rule, ulong Operand) Rule(TsvRow row, Problems problems)
    {
        string[] parts = row["rule"].Split(':');
        ulong operand = 0;
        bool ok = Rules.Contains(parts[0])
            && (WithOperand.Contains(parts[0])
                ? parts.Length == 2 && ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out operand)
                : parts.Length == 1);
        if (!ok)
        {
            problems.Add(row, $"'{row["rule"]}' is no rule: one of {string.Join(' ', Rules)}, with :NUMBER after {string.Join(' ', WithOperand)}");
        }

        return (ok ? parts[0] : Rules[0], operand);
    }

    private static string Condition(TsvRow row, string term, Names names, Problems problems)
    {
        bool negated = term.StartsWith('!');
        string text = negated ? term[1..] : term;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? "feature" : text[..colon];
        string name = text[(colon + 1)..];
        uint msr = 0;
        int bit = 0;
        string[] parts = name.Split('.');
        bool ok = kind switch
        {
            "feature" => names.Features.Contains(name),
            "param" => names.Parameters.Contains(name),
            "model" => names.Lines.Contains(name),
            "msr" => parts.Length == 2 && Hex(parts[0], out msr) && Bit(parts[1], out bit),
            _ => false,
        };
        if (!ok)
        {
            problems.Add(row, $"'when' has '{term}', which is no feature, parameter, model or MSR bit that is known");
        }

        return string.Create(CultureInfo.InvariantCulture, $"new(ConditionKind.{CodeWriter.Pascal(kind)}, {(negated ? "true" : "false")}, {CodeWriter.Literal(name)}, 0x{msr:x}, {bit})");
    }

    private static bool Hex(string text, out uint number) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);

    private static bool Bit(string text, out int bit) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bit) && bit is >= 0 and < 64;

    private static bool Register(string text, out string name)
    {
        name = CodeWriter.Pascal(text);
        return text is "eax" or "ebx" or "ecx" or "edx";
    }

    /// <summary>The words that rows may use.</summary>
    private sealed record Names(HashSet<string> Features, HashSet<string> Lines, HashSet<string> Parameters);
}
