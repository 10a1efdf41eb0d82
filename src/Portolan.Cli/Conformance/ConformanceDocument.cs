using System.Text;
using Portolan.Conformance;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Kvm.Behaviours;

namespace Portolan.Cli.Conformance;

/// <summary>What the cases of the contract found, as a document of schema <c>portolan/conformance/1</c>: written, not read.</summary>
internal static class ConformanceDocument
{
    public static ReadOnlyMemory<byte> Write(IReadOnlyList<ConformanceReport> reports)
    {
        using DocumentWriter writer = new(DocumentKind.Conformance);
        writer.Json.WriteBoolean("ok", reports.All(static report => report.Ok));
        writer.Text("suite", SuiteHash());
        WriteSummary(writer, outcome => reports.Sum(report => report.Count(outcome)));
        writer.Objects("subjects", reports, report =>
        {
            WriteSubject(writer, report.Subject);
            WriteSummary(writer, report.Count);
            writer.Objects("cases", report.Results, result => WriteCase(writer, result));
        });
        return writer.Finish();
    }

    /// <summary>SHA-256 over every case of the suite: its id, what it decides, its statement. Results of one suite can be compared.</summary>
    private static string SuiteHash()
    {
        string lines = string.Concat(ConformanceSuite.Cases.Select(static one => $"{one.Id}\t{string.Join(',', one.Decides)}\t{one.Statement}\n"));
        return $"sha256:{Sha256.HexOf(Encoding.UTF8.GetBytes(lines))}";
    }

    private static void WriteSubject(DocumentWriter writer, ConformanceSubject subject)
    {
        writer.Text("subject", subject.Name);
        writer.Json.WriteStartObject("host");
        writer.Text("name", subject.Host.Name);
        writer.Text("kernelRelease", subject.Host.KernelRelease?.Value);
        writer.Text("kvmModule", subject.Host.KvmModule?.Value);
        writer.Text("contentHash", HostSnapshotDocument.ContentHash(subject.Host));
        writer.Json.WriteEndObject();
        writer.Text("xsaveGeneration", GenerationTable.Of("xsave", subject.Behaviours)?.Name);
        writer.Text("evmcsGeneration", GenerationTable.Of("evmcs", subject.Behaviours)?.Name);
    }

    private static void WriteSummary(DocumentWriter writer, Func<CaseOutcome, int> count)
    {
        writer.Json.WriteStartObject("summary");
        writer.Number("pass", count(CaseOutcome.Pass));
        writer.Number("fail", count(CaseOutcome.Fail));
        writer.Number("deviation", count(CaseOutcome.Deviation));
        writer.Number("notDecidable", count(CaseOutcome.NotDecidable));
        writer.Json.WriteEndObject();
    }

    private static void WriteCase(DocumentWriter writer, CaseResult result)
    {
        writer.Text("id", result.Case.Id);
        writer.Strings("decides", result.Case.Decides);
        writer.Text("statement", result.Case.Statement);
        writer.Text("outcome", CaseResult.Word(result.Outcome));
        writer.Text("expected", result.Expected);
        writer.Text("found", result.Found);
        writer.Text("reason", result.Reason);
        writer.Number("checks", result.Checks);
    }
}
