using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Conformance.Differential;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;

namespace Portolan.Cli.Conformance;

/// <summary><c>portolan conformance differential</c>: the live kernel and the model of its snapshot get the same random ioctls.</summary>
internal static class ConformanceDifferential
{
    private const long MostIoctls = 1_000_000_000;

    public static Command Command(Terminal terminal)
    {
        Option<long> count = new("--count") { Description = "How many ioctls the kernel gets.", HelpName = "N", DefaultValueFactory = static _ => 100_000 };
        Option<int> seed = new("--seed") { Description = "The first sequence's seed; the same seed gives the same ioctls.", HelpName = "S", DefaultValueFactory = static _ => 1 };
        Option<string> device = LiveOptions.Device();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("differential", "Give the live kernel and the model of its snapshot the same random ioctls, and compare answers and states.") { count, seed, device, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetValue(count), parsed.GetValue(seed), parsed.GetRequiredValue(device), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, long count, int seed, string device, bool json, string? output)
    {
        if (count is < 1 or > MostIoctls)
        {
            return terminal.RefuseUsage($"--count {count}: expected 1 to {MostIoctls}");
        }

        using LiveSubject? live = LiveSubject.TryOpen(device, out string? reason);
        if (live is null)
        {
            return terminal.RefuseHost(reason!);
        }

        Reading<IReadOnlyList<ConformanceSubject>> model = ModelSubjects.Of(live.Subject.Host);
        if (!model.Ok)
        {
            return terminal.Refuse(model.Fault);
        }

        DifferentialReport report = new DifferentialRun(live.Subject, model.Value[0]).Run(count, seed);
        return Answer.Give(terminal, output, json, () => Write(live.Subject, seed, report), () => Text(report), report.Ok ? ExitCode.Done : ExitCode.Incompatible);
    }

    private static TextReport Text(DifferentialReport report)
    {
        TextReport text = new();
        text.Line($"{report.Ioctls} ioctls in {report.Sequences} sequences; {report.Undecided} sequences ended where the model lacks a fact; {report.Mismatches.Length} differences");
        foreach (DifferentialMismatch mismatch in report.Mismatches)
        {
            text.Heading($"{mismatch.Group}  ({mismatch.Times} times, seed {mismatch.Seed})");
            text.Columns(mismatch.Steps.Select(static (step, i) => (string[])[$"{i + 1}.", Printable.OneLine(step)]), LineTone.Faint);
            text.Columns([["kernel", Printable.OneLine(mismatch.Kernel)], ["model", Printable.OneLine(mismatch.Model)]]);
            text.Columns(mismatch.Reason is { } reason ? [["known", reason]] : []);
        }

        return text;
    }

    private static ReadOnlyMemory<byte> Write(ConformanceSubject subject, int seed, DifferentialReport report)
    {
        using DocumentWriter writer = new(DocumentKind.Differential);
        writer.Json.WriteBoolean("ok", report.Ok);
        writer.Text("host", subject.Host.Name);
        writer.Text("kernelRelease", subject.Host.KernelRelease?.Value);
        writer.Text("contentHash", HostSnapshotDocument.ContentHash(subject.Host));
        writer.Number("seed", seed);
        writer.Number("sequences", report.Sequences);
        writer.Number("ioctls", report.Ioctls);
        writer.Number("undecided", report.Undecided);
        writer.Json.WriteStartArray("mismatches");
        foreach (DifferentialMismatch mismatch in report.Mismatches)
        {
            writer.Json.WriteStartObject();
            writer.Text("group", mismatch.Group);
            writer.Number("times", mismatch.Times);
            writer.Number("seed", mismatch.Seed);
            writer.Strings("steps", mismatch.Steps);
            writer.Text("kernel", mismatch.Kernel);
            writer.Text("model", mismatch.Model);
            writer.Text("reason", mismatch.Reason);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }
}
