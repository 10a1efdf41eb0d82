using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/model-msrs.tsv: MSRs to which KVM's access code gives a rule of its own.</summary>
internal sealed class ModelMsrsTable : ITable
{
    private const string Source = "data/kvm/model-msrs.tsv";

    private static readonly string[] Kinds =
    [
        "stored", "apic-base", "feat-ctl", "microcode", "platform-info", "arch-capabilities", "tsx-ctrl", "misc-features", "misc-enable",
        "canonical", "xfd", "xfd-err", "pat", "perf-capabilities", "vmx", "xss", "efer", "de-cfg", "kvm-pv",
        "sysenter", "mcg-ctl", "hwcr", "hsave-pa", "virt-spec-ctrl", "debugctl", "last-branch", "mtrr-default", "mtrr-fixed", "mtrr-base", "mtrr-mask",
        "kvm-poll", "kvm-pf-int", "kvm-pf-ack", "zero", "hv-crash-ctl", "hv-invtsc",
        "fs-base", "gs-base", "tsc-aux", "tsc-ratio", "hv-vp-index",
    ];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["index", "name", "kind", "present", "initial", "needs", "source"], problems);
        file.RequireUnique(problems, "index");
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Kvm.Model.Msr;");
        code.Line();
        code.Open("internal static class ModelMsrTable");
        code.Summary("Every row, in the table's order.");
        code.Line("public static ReadOnlySpan<ModelMsr> All => Rows;");
        code.Line();
        code.Line("private static readonly ModelMsr[] Rows =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string kind = CodeWriter.Pascal(row.Word("kind", problems, Kinds));
            string present = CodeWriter.Pascal(row.Word("present", problems, "always", "intel", "amd", "listed"));
            bool maximum = row["initial"] == "max";
            ulong initial = maximum ? 0 : row.Number("initial", problems);
            code.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"    new(0x{row.Number("index", problems):x}, MsrTreatment.{kind}, MsrPresence.{present}, 0x{initial:x}, {(maximum ? "true" : "false")}, {CodeWriter.Literal(row.Optional("needs"))}), // {row["name"]}"));
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Kvm.Model/Msr/ModelMsrTable.g.cs", code.ToString());
    }
}
