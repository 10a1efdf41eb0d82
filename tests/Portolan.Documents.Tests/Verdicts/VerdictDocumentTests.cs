using System.Text;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Documents.Tests.Verdicts;

public sealed class VerdictDocumentTests
{
    private static readonly ReportedSettings Settings = new("reports", "qemu", "first", "exact", null) { NestedControls = ["vmx-exit-load-perf-global-ctrl"], Unpermitted = [1] };

    [Fact]
    public void A_report_is_written_to_the_schema_and_read_back()
    {
        VerdictReport report = Two();
        byte[] written = VerdictDocument.Write(report).ToArray();

        SchemaCheck.Kept("verdict-1", written);
        Reading<VerdictReport> read = VerdictDocument.Read("v", written);

        Assert.True(read.Ok, read.ToString());
        Assert.Equal(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(VerdictDocument.Write(read.Value).Span));
        Assert.Equal(report.Headline, read.Value.Headline);
        Assert.Equal(report.Findings.Select(static finding => finding.Words), read.Value.Findings.Select(static finding => finding.Words));
    }

    [Fact]
    public void A_finding_about_a_difference_of_the_hosts_says_its_cause_in_document_and_page()
    {
        VerdictReport report = Two();
        byte[] written = VerdictDocument.Write(report).ToArray();

        Assert.Equal([null, "likely configuration", null], report.Findings.Select(static finding => finding.Cause?.Words));
        Assert.Equal(report.Findings[1].Cause, VerdictDocument.Read("v", written).Value!.Findings[1].Cause);
        Assert.Contains(">likely configuration</span>", Encoding.UTF8.GetString(VerdictHtml.Page(report, null).Span), StringComparison.Ordinal);

        string broken = Encoding.UTF8.GetString(written).Replace("\"certainty\": \"likely\"", "\"certainty\": \"sure\"", StringComparison.Ordinal);
        Reading<VerdictReport> refused = VerdictDocument.Read("v", Encoding.UTF8.GetBytes(broken));
        Assert.Contains("one of certain, likely, unknown", refused.Fault!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_of_several_vCPUs_that_are_the_same_are_one_the_worst_first()
    {
        VerdictReport report = Two();

        Assert.Equal(["xsave.set.promised", "promise.cpuid", "xsave.get.dropped"], report.Findings.Select(static finding => finding.Clause));
        Assert.Equal([[1u], [0u, 1u], [0u]], report.Findings.Select(static finding => finding.Vcpus.ToArray()));
        Assert.Equal((Verdict.Incompatible, 1), (report.Verdict, report.LastHop));
        Assert.Equal("incompatible: 1 blocks, 1 breaks, 1 notes, 1 missing facts", report.Headline);
        Assert.Equal([0u, 1u], report.Vcpus);
    }

    [Fact]
    public void The_page_says_what_the_document_says_and_loads_nothing()
    {
        VerdictReport report = Two() with { Guest = "<b>" };
        string page = Encoding.UTF8.GetString(VerdictHtml.Page(report, null).Span);

        Assert.All(report.Findings, finding => Assert.Contains(System.Net.WebUtility.HtmlEncode(finding.Words.Where), page, StringComparison.Ordinal));
        Assert.All(report.Findings, finding => Assert.Contains($"[{finding.Clause}]", page, StringComparison.Ordinal));
        Assert.Contains("xsave.trim", page, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)\s*=|@import|url\(|<script""", page);
    }

    /// <summary>Two vCPUs on the way from A to B.</summary>
    private static VerdictReport Two()
    {
        RouteQuestion question = new() { Guest = new GuestContract { Name = "g", Cpuid = CpuidTable.Empty }, Hosts = [Host("A", 1), Host("B", 0)] };
        Finding feature = new(ClauseTable.PromiseCpuid, ClauseSeverity.Breaks, 1, new(SubjectKind.Feature, (uint)FeatureTable.Get("spec-ctrl").Index), 1);
        Finding dropped = new(ClauseTable.XsaveGetDropped, ClauseSeverity.Notes, 0, new(SubjectKind.Components), 0x200);
        Finding refused = new(ClauseTable.XsaveSetPromised, ClauseSeverity.Blocks, 1, new(SubjectKind.Components), 0x207, 0x7);
        MissingEvidence gap = new(1, "xsave.trim");
        return VerdictReporting.Of(question, Settings,
        [
            new(0, new Judgement { Findings = [dropped, feature], Missing = [gap], LastHop = 1, FromState = true }),
            new(1, new Judgement { Findings = [feature, refused], Missing = [gap], LastHop = 1, FromState = true }),
        ]) with { ExitCode = 1 };
    }

    private static JudgedHost Host(string name, uint specCtrl)
    {
        HostSnapshot host = BaseHosts.Shipped.Single(static host => host.Name == "intel-bochs-skylake-x-6.1.192");
        return new(name, host with { Name = name, SupportedCpuid = Testing.Hosts.Of(host.SupportedCpuid!.Value.WithValue(FeatureTable.Get("spec-ctrl"), specCtrl)) });
    }
}
