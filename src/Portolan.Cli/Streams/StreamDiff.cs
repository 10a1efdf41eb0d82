using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary><c>portolan stream diff</c>: what two streams do not have alike, field by field.</summary>
internal static class StreamDiff
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> left = CommonOptions.File("A", "A migration stream or save image.");
        Argument<string> right = CommonOptions.File("B", "Another one.");
        Option<string[]> section = new("--section") { Description = "Compare only these sections, by name. May be given several times.", HelpName = "NAME" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("diff", "Show what two streams do not have alike, field by field.") { left, right, section, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(left), parsed.GetRequiredValue(right), parsed.GetValue(section) ?? [], parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string left, string right, string[] sections, bool json, string? output)
    {
        if (left == InputFile.StandardInput && right == InputFile.StandardInput)
        {
            return terminal.RefuseUsage("standard input can be one of the two streams");
        }

        bool Keeps(string name) => sections.Length == 0 || sections.Contains(name);
        Reading<StreamInput> a = StreamInput.ReadWhole(terminal, left, new() { Keeps = Keeps });
        if (!a.Ok)
        {
            return terminal.Refuse(a.Fault);
        }

        Reading<StreamInput> b = StreamInput.ReadWhole(terminal, right, new() { Keeps = Keeps });
        if (!b.Ok)
        {
            return terminal.Refuse(b.Fault);
        }

        if (sections.FirstOrDefault(name => !Has(a.Value.Stream, name) && !Has(b.Value.Stream, name)) is { } missing)
        {
            return terminal.RefuseUsage($"--section {missing}: neither stream has a section of that name; 'portolan stream inspect' lists them");
        }

        ImmutableArray<StreamDifference> found = StreamDifferences.Of(a.Value, b.Value, Keeps);
        return Answer.Give(terminal, output, json, () => Write(found), () => Report(left, right, found));
    }

    private static bool Has(MigrationStream stream, string section) => stream.Sections.Any(one => one.Name == section);

    private static ReadOnlyMemory<byte> Write(ImmutableArray<StreamDifference> found)
    {
        using DocumentWriter writer = new(DocumentKind.StreamDifference);
        writer.Objects("differences", found, one =>
        {
            writer.Text("section", one.Section);
            writer.Text("place", one.Place);
            writer.Text("left", one.Left);
            writer.Text("right", one.Right);
            writer.Text("meaning", one.Meaning);
        });
        return writer.Finish();
    }

    private static TextReport Report(string left, string right, ImmutableArray<StreamDifference> found)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine($"{left} | {right}"));
        if (found.IsEmpty)
        {
            report.Line("  nothing differs", LineTone.Good);
        }

        foreach (IGrouping<string, StreamDifference> section in found.GroupBy(static one => one.Section))
        {
            report.Heading(Printable.OneLine(section.Key));
            report.Columns(section.Select(static one => new[] { Printable.OneLine(one.Place), Printable.OneLine(one.Left ?? "-"), Printable.OneLine(one.Right ?? "-"), Printable.OneLine(one.Meaning ?? "") }));
        }

        return report;
    }
}
