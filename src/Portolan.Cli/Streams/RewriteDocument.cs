using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Rewrite;

namespace Portolan.Cli.Streams;

/// <summary>What a rewrite changed: words, and a document of schema <c>portolan/stream-rewrite/1</c>.</summary>
internal static class RewriteDocument
{
    public static ReadOnlyMemory<byte> Write(RewritePlan plan)
    {
        using DocumentWriter writer = new(DocumentKind.StreamRewrite);
        writer.Objects("changes", plan.Changes, change =>
        {
            writer.Text("section", change.Section);
            writer.Text("place", change.Place);
            writer.Text("before", change.Before);
            writer.Text("after", change.After);
        });
        writer.Objects("edits", plan.Edits, edit =>
        {
            writer.Number("offset", edit.Offset);
            writer.Number("removed", edit.Removed);
            writer.Text("inserted", Convert.ToHexStringLower(edit.Inserted.AsSpan()));
        });
        return writer.Finish();
    }

    public static TextReport Report(RewriteAsked asked, RewritePlan plan, SaveCompression? unpackedFrom)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine($"{asked.File} -> {asked.To}"));
        report.Columns(plan.Changes.Select(static change => new[] { change.Section, Printable.OneLine(change.Place), change.Before, change.After is { } after ? $"-> {after}" : "dropped" }));
        report.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"  {plan.Edits.Sum(static edit => edit.Removed)} bytes replaced by {plan.Edits.Sum(static edit => edit.Inserted.Length)}; read again: every other byte is the same, the description is true"));
        if (unpackedFrom is { } compression)
        {
            report.Line($"  the file was {compression.ToString().ToLowerInvariant()}, the new one is not compressed");
        }

        if (plan.Edits.IsEmpty)
        {
            report.Line("  nothing had to change", LineTone.Faint);
        }

        return report;
    }
}
