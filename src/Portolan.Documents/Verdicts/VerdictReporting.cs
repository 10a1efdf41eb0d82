using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Guests;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.X86.Features;

namespace Portolan.Documents.Verdicts;

/// <summary>Makes a report of a question and its judgements.</summary>
public static class VerdictReporting
{
    /// <summary>The report; findings of several vCPUs that are the same are one, with the vCPUs' ids.</summary>
    /// <param name="question">What was asked.</param>
    /// <param name="settings">How it was asked.</param>
    /// <param name="judged">The judgements, one of each vCPU, at least one.</param>
    /// <param name="withHashes">Are the content hashes computed? They cost more than a verdict, and text for people has none.</param>
    public static VerdictReport Of(RouteQuestion question, ReportedSettings settings, IReadOnlyList<VcpuJudgement> judged, bool withHashes = true)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(judged);
        ArgumentOutOfRangeException.ThrowIfZero(judged.Count, nameof(judged));
        return new VerdictReport
        {
            Guest = question.Guest.Name,
            GuestHash = withHashes ? GuestContractDocument.ContentHash(question.Guest) : "",
            Hosts = [.. question.Hosts.Select(host => HostOf(host, withHashes))],
            Settings = settings,
            FromState = judged.Any(static one => one.Judgement.FromState),
            Vcpus = [.. judged.Select(static one => one.Vcpu).OfType<uint>().Order()],
            Verdict = judged.Max(static one => one.Judgement.Verdict),
            LastHop = judged.Min(static one => one.Judgement.LastHop),
            Findings = FindingsOf(question, judged, new FindingCauses(question)),
            Missing = MissingOf(question, judged),
        };
    }

    /// <summary>One cell of a matrix: the judgements of a pair.</summary>
    public static MatrixCell CellOf(int from, int to, RouteQuestion question, IReadOnlyList<VcpuJudgement> judged)
    {
        ArgumentNullException.ThrowIfNull(judged);
        return new(from, to, judged.Max(static one => one.Judgement.Verdict), FindingsOf(question, judged, null), MissingOf(question, judged));
    }

    /// <summary>How answers give a host.</summary>
    public static ReportedHost HostOf(JudgedHost host, bool withHashes = true)
    {
        ArgumentNullException.ThrowIfNull(host);
        return new(host.Name, host.Snapshot.KernelRelease?.Value, withHashes ? HostSnapshotDocument.ContentHash(host.Snapshot) : "", EvidenceCount.Of(host.Snapshot));
    }

    private static ImmutableArray<ReportedGap> MissingOf(RouteQuestion question, IReadOnlyList<VcpuJudgement> judged)
        => [.. judged.SelectMany(static one => one.Judgement.Missing).OrderBy(static gap => gap.Hop).ThenBy(static gap => gap.Fact, StringComparer.Ordinal)
            .Select(gap => GapOf(question, gap)).Distinct()];

    private static ImmutableArray<ReportedFinding> FindingsOf(RouteQuestion question, IReadOnlyList<VcpuJudgement> judged, FindingCauses? causes)
    {
        Dictionary<Finding, List<uint>> vcpus = [];
        List<Finding> findings = [];
        foreach (VcpuJudgement one in judged)
        {
            foreach (Finding finding in one.Judgement.Findings)
            {
                if (!vcpus.TryGetValue(finding, out List<uint>? ids))
                {
                    vcpus.Add(finding, ids = []);
                    findings.Add(finding);
                }

                if (one.Vcpu is { } id)
                {
                    ids.Add(id);
                }
            }
        }

        ImmutableArray<Finding> byHop = [.. findings.OrderBy(static finding => finding.Hop)];
        return [.. FindingText.WorstFirst(byHop).Select(finding => FindingOf(question, finding) with { Vcpus = [.. vcpus[finding].Distinct().Order()], Cause = causes?.Of(finding) })];
    }

    private static ReportedFinding FindingOf(RouteQuestion question, Finding finding)
    {
        JudgedHost host = question.Hosts[finding.Hop];
        return new ReportedFinding(
            finding.Rule.Id,
            finding.Severity,
            finding.Hop,
            host.Name,
            JsonNamingPolicy.CamelCase.ConvertName(finding.Subject.Kind.ToString()),
            IdOf(finding.Subject),
            FindingText.Of(finding, host.Snapshot))
        {
            Statement = finding.Rule.Statement,
            Consequence = finding.Clause?.Consequence ?? "",
            EnforcedBy = finding.Clause?.EnforcedBy ?? "",
            Source = finding.Rule.Source,
            GuestValue = finding.Guest,
            HostValue = finding.Host,
            JudgedSeverity = finding.JudgedSeverity,
            Waiver = finding.Waiver,
        };
    }

    private static ReportedGap GapOf(RouteQuestion question, MissingEvidence gap)
        => new(gap.Hop, question.Hosts[gap.Hop].Name, gap.Fact, MissingFact.NameOf(gap.Rule) is null ? gap.Rule?.Id : null);

    /// <summary>A name that stays the same when tables get new rows.</summary>
    private static string IdOf(Subject subject) => subject.Kind switch
    {
        SubjectKind.Feature => FeatureTable.At(checked((int)subject.Number)).Name,
        SubjectKind.Msr or SubjectKind.VmxControls => HexText.Of(subject.Number),
        SubjectKind.Component => subject.Number.ToString(CultureInfo.InvariantCulture),
        SubjectKind.Capability => KvmCapability.NameOf(subject.Number) ?? subject.Number.ToString(CultureInfo.InvariantCulture),
        SubjectKind.Part => JsonNamingPolicy.CamelCase.ConvertName(((VcpuPart)subject.Number).ToString()),
        _ => "",
    };
}
