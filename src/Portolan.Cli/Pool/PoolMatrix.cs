using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Check;
using Portolan.Cli.Frame;
using Portolan.Compatibility.Judging;
using Portolan.Documents;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Pool;

/// <summary><c>portolan pool matrix</c>: the verdict of every pair of hosts, in both directions.</summary>
internal static class PoolMatrix
{
    public static Command Command(Terminal terminal)
    {
        Argument<string[]> files = new("FILES")
        {
            Description = "Host snapshots, files of other tools, folders of them, or shipped:NAME; shipped:* is every host that comes with the program.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string?> guest = new("--guest") { Description = "A guest's contract to judge everywhere; without it each host's own richest guest.", HelpName = "FILE" };
        Option<bool> brief = new("--brief") { Description = "Show the table only, without what explains each pair." };
        Option<string?> html = new("--html") { Description = "Write the matrix as a self-contained page into this file.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("matrix", "Judge every pair of hosts in both directions.") { files, guest, brief, html, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(files), parsed.GetValue(guest), parsed.GetValue(brief), parsed.GetValue(html), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string[] files, string? guestFile, bool brief, string? html, bool json, string? output)
    {
        Reading<HostFiles> hosts = HostFiles.Read(terminal, files);
        Reading<GuestContract>? guest = hosts.Ok && guestFile is not null ? InputFile.Contract(terminal, guestFile) : null;
        if ((hosts.Fault ?? guest?.Fault) is { } fault)
        {
            return terminal.Refuse(fault);
        }

        VerdictMatrix matrix = Of(hosts.Value!.Hosts, guest?.Value, out ImmutableArray<string> disagreements);
        if (!disagreements.IsEmpty)
        {
            terminal.Say($"the two engines disagree on {disagreements.Length} pairs, as on {disagreements[0]}; the worse verdict is taken; please report it with the files");
        }

        if (html is not null && Answer.Write(terminal, html, MatrixDocument.Page("Verdicts of all pairs", matrix)) is var written and not ExitCode.Done)
        {
            return written;
        }

        return Answer.Give(terminal, output, json, () => MatrixDocument.Write(matrix), () => MatrixReport.Of(matrix, brief));
    }

    /// <summary>Judges every pair.</summary>
    /// <param name="hosts">The hosts.</param>
    /// <param name="guest">The guest; null for each host's own richest.</param>
    /// <param name="disagreements">Pairs on which the engines do not agree, and on what.</param>
    public static VerdictMatrix Of(ImmutableArray<JudgedHost> hosts, GuestContract? guest, out ImmutableArray<string> disagreements)
    {
        List<string> unlike = [];
        ImmutableArray<MatrixCell>.Builder cells = ImmutableArray.CreateBuilder<MatrixCell>();
        for (int from = 0; from < hosts.Length; from++)
        {
            GuestDefinitionAnswer own = guest is not null ? new(guest, DefinitionRefusal.None, "", []) : Richest(hosts[from]);
            for (int to = 0; to < hosts.Length; to++)
            {
                if (to != from)
                {
                    cells.Add(own.Contract is { } contract
                        ? Cell(from, to, new RouteQuestion { Guest = contract, Hosts = [hosts[from], hosts[to]] }, unlike)
                        : new MatrixCell(from, to, Verdict.Unknown, [], []) { Problem = $"{hosts[from].Name}: {own.Reason}" });
                }
            }
        }

        disagreements = [.. unlike];
        return new VerdictMatrix([.. hosts.Select(static host => VerdictReporting.HostOf(host))], guest is null ? null : guest.Name ?? "given", cells.ToImmutable());
    }

    private static MatrixCell Cell(int from, int to, RouteQuestion question, List<string> unlike)
    {
        EnginesAnswer answer = Engines.Judge(question);
        if (answer.Disagreement is { } disagreement)
        {
            unlike.Add($"{question.Hosts[0].Name} -> {question.Hosts[1].Name}: {disagreement}");
        }

        return VerdictReporting.CellOf(from, to, question, [.. answer.Judgements.Select(static judgement => new VcpuJudgement(null, judgement))]);
    }

    /// <summary>The guest that is promised all a host gives, dynamic components included.</summary>
    private static GuestDefinitionAnswer Richest(JudgedHost host) => GuestDefinition.From(host.Snapshot, new GuestRequest
    {
        Permission = XFeatureTable.Dynamic & (host.Snapshot.SupportedXcr0?.Value ?? XFeatureMask.None),
    });
}
