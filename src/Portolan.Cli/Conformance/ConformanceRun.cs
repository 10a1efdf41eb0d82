using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Documents;
using Portolan.Documents.Records;

namespace Portolan.Cli.Conformance;

/// <summary><c>portolan conformance run</c>: asks a kernel, or a model of one, every clause that an ioctl can decide.</summary>
internal static class ConformanceRun
{
    private const string Live = "live";

    public static Command Command(Terminal terminal)
    {
        Option<string[]> subjects = new("--subject")
        {
            Description = "Who is asked: live (this host's KVM), model (of every shipped host, in every generation), model:G2b (in one generation), "
                + "or a host snapshot's file, shipped:NAME or '-' (the model of that host). May be given several times; without it, live.",
            HelpName = "SUBJECT",
            DefaultValueFactory = static _ => [Live],
        };
        Option<string> prefix = new("--case") { Description = "Only the cases whose id begins with this.", HelpName = "ID-PREFIX", DefaultValueFactory = static _ => "" };
        Option<string> device = LiveOptions.Device();
        Option<string?> record = new("--record") { Description = "Also write a kernel's record into this file, such as data/results/NAME.json; the subject is live alone, and every case is run.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("run", "Run the cases of the contract.") { subjects, prefix, device, record, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(subjects), parsed.GetRequiredValue(prefix), parsed.GetRequiredValue(device), parsed.GetValue(record), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string[] names, string prefix, string device, string? record, bool json, string? output)
    {
        if (record is not null && (prefix.Length > 0 || names is not [Live]))
        {
            return terminal.RefuseUsage("--record: a record has every case of the live kernel; leave --case and --subject away");
        }

        if (!ConformanceSuite.Cases.Any(one => one.Id.StartsWith(prefix, StringComparison.Ordinal)))
        {
            return terminal.RefuseUsage($"--case {prefix}: no case's id begins with it");
        }

        List<ConformanceReport> reports = [];
        foreach (string name in names)
        {
            ExitCode asked = name == Live ? AskLive(terminal, device, prefix, reports) : AskModels(terminal, name, prefix, reports);
            if (asked != ExitCode.Done)
            {
                return asked;
            }
        }

        if (record is not null && Record(record, reports[0]) is { } refused)
        {
            return terminal.Refuse(refused);
        }

        ExitCode code = reports.All(static report => report.Ok) ? ExitCode.Done : ExitCode.Incompatible;
        return Answer.Give(terminal, output, json, () => ConformanceDocument.Write(reports), () => ConformanceText.Of(reports), code);
    }

    private static InputFault? Record(string file, ConformanceReport report)
    {
        Reading<KernelRecord> record = KernelRecordDocument.FromConformance(
            "the cases' answer", ConformanceDocument.Write([report]), report.Subject.Host, Path.GetFileNameWithoutExtension(file), oracle: null);
        return record.Ok ? AtomicFile.Write(file, KernelRecordDocument.Write(record.Value).Span) : record.Fault;
    }

    private static ExitCode AskLive(Terminal terminal, string device, string prefix, List<ConformanceReport> reports)
    {
        using LiveSubject? live = LiveSubject.TryOpen(device, out string? reason);
        if (live is null)
        {
            return terminal.RefuseHost(reason!);
        }

        reports.Add(ConformanceSuite.Run(live.Subject, prefix));
        return ExitCode.Done;
    }

    private static ExitCode AskModels(Terminal terminal, string name, string prefix, List<ConformanceReport> reports)
    {
        Reading<IReadOnlyList<ConformanceSubject>> models = ModelSubjects.Of(terminal, name);
        if (!models.Ok)
        {
            return terminal.Refuse(models.Fault);
        }

        reports.AddRange(models.Value.Select(model => ConformanceSuite.Run(model, prefix)));
        return ExitCode.Done;
    }
}
