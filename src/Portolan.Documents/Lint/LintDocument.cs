using Portolan.Compatibility.Lint;
using Portolan.Documents.Json;
using Portolan.Documents.Verdicts;
using Portolan.X86.Msr;

namespace Portolan.Documents.Lint;

/// <summary>The state that a VMM leaves out as a document of schema <c>portolan/save-set-lint/1</c>, written and not read.</summary>
public static class LintDocument
{
    /// <summary>The word for the whole answer: <c>complete</c>, <c>incomplete</c> or <c>unknown</c>.</summary>
    public static string WordOf(LintReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return report.IsIncomplete ? "incomplete" : report.IsUnknown ? "unknown" : "complete";
    }

    /// <summary>The document's bytes.</summary>
    /// <param name="report">The lint's answer.</param>
    /// <param name="host">The host's name, or null.</param>
    /// <param name="guest">The guest's name; null where no contract was given or it has none.</param>
    public static ReadOnlyMemory<byte> Write(LintReport report, string? host, string? guest)
    {
        ArgumentNullException.ThrowIfNull(report);
        using DocumentWriter writer = new(DocumentKind.SaveSetLint);
        writer.Text("vmm", report.Saves);
        writer.Text("host", host);
        writer.Text("guest", guest);
        writer.Text("answer", WordOf(report));
        writer.Objects("findings", report.Findings, finding =>
        {
            WriteState(writer, finding.State);
            writer.Text("severity", VerdictWords.Of(finding.Severity));
            writer.Text("because", finding.Because);
            writer.Text("presence", finding.Presence);
            writer.Text("consequence", finding.Row.Consequence);
            writer.Strings("facts", finding.Row.Facts);
            writer.Text("source", finding.Row.Source);
        });
        writer.Objects("unknown", report.Undecided, state =>
        {
            WriteState(writer, state.State);
            writer.Strings("missing", state.Facts);
        });
        return writer.Finish();
    }

    private static void WriteState(DocumentWriter writer, SaveItem item)
    {
        writer.Text("kind", item.Kind switch
        {
            SaveItemKind.Ioctl => "ioctl",
            SaveItemKind.OneReg => "one-reg",
            _ => "msr",
        });
        writer.Text("state", item.ToString());
        writer.Objects("msrs", item.Each(), msr =>
        {
            writer.Hex("index", msr);
            writer.Text("name", KnownMsrs.Find(msr)?.Name);
        });
    }
}
