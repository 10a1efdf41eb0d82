using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Compatibility.Judging;
using Portolan.Documents;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Check;

/// <summary>A check that was asked for.</summary>
/// <param name="Route">The route.</param>
/// <param name="DesignWord">The design of eVMCS as it was given.</param>
internal sealed record CheckRequest(RouteAsked Route, string? DesignWord)
{
    public EvmcsPolicy EvmcsPolicy { get; init; }

    public EvmcsDesign? EvmcsDesign { get; init; }

    /// <summary>Is the answer to name hosts and guest by their content hashes? Text for people does not.</summary>
    public bool NamesContent { get; init; } = true;

    /// <summary>Is the answer to say what would help?</summary>
    public bool Explains { get; init; }

    public bool FailOnWarnings { get; init; }

    /// <summary>What the findings come to here; null for what they come to by themselves.</summary>
    public PolicyChoice? Policy { get; init; }

    /// <summary>Reads the files and judges the route; the fault says which file is wrong.</summary>
    public Reading<CheckAnswer> Run(Terminal terminal)
    {
        Reading<RouteFiles> files = RouteFiles.Read(terminal, Route);
        return files.Ok ? Reading.Of(Judge(files.Value)) : Reading.Refused<CheckAnswer>(files.Fault);
    }

    private CheckAnswer Judge(RouteFiles files)
    {
        RouteQuestion question = new()
        {
            Guest = files.Guest,
            Hosts = JudgedHosts(files),
            Order = Route.Order,
            Vmm = Route.Policy,
            VcpuSetup = Route.VcpuSetup,
            NestedControls = Route.NestedControls,
            EvmcsPolicy = EvmcsPolicy,
            EvmcsDesign = EvmcsDesign,
            Unpermitted = Route.Unpermitted,
        };
        RouteQuestion[] questions = files.Vcpus.IsEmpty ? [question] : [.. files.Vcpus.Select(vcpu => question with { State = vcpu })];
        List<VcpuJudgement> judged = [];
        string? disagreement = null;
        foreach (RouteQuestion one in questions)
        {
            EnginesAnswer answer = Engines.Judge(one);
            judged.AddRange(answer.Judgements.Select(judgement => new VcpuJudgement(one.State?.Id, Policy?.Policy.Apply(judgement, one, Policy.Day) ?? judgement)));
            disagreement ??= answer.Disagreement;
        }

        VerdictReport report = VerdictReporting.Of(question, Settings(), judged, NamesContent) with { Remedies = Explains ? Explanation.Of(questions) : null };
        return new CheckAnswer(report with { ExitCode = (int)CheckAnswer.CodeOf(report.Verdict, FailOnWarnings || Policy?.Policy.FailsOnWarnings == true) }, files, disagreement);
    }

    /// <summary>The hosts; one that the route visits twice is compiled once.</summary>
    private static ImmutableArray<JudgedHost> JudgedHosts(RouteFiles files)
    {
        Dictionary<HostSnapshot, JudgedHost> hosts = new(ReferenceEqualityComparer.Instance);
        foreach ((string name, HostSnapshot snapshot) in files.Hosts)
        {
            hosts.TryAdd(snapshot, new JudgedHost(name, snapshot));
        }

        return [.. files.Hosts.Select(host => hosts[host.Snapshot])];
    }

    private ReportedSettings Settings() => new(
        Route.Policy == RestorePolicy.Ignores ? "ignores" : "reports",
        Route.Order.Name,
        Route.EnlightenedVmcsLast ? "last" : "first",
        EvmcsPolicy == EvmcsPolicy.Strict ? "strict" : "exact",
        DesignWord)
    {
        NestedControls = Route.NestedNames,
        Unpermitted = [.. Route.Unpermitted.Order()],
        Policy = Policy?.File,
        Date = Policy?.DayText,
    };
}
