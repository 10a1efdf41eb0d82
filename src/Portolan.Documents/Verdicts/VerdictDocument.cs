using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;

namespace Portolan.Documents.Verdicts;

/// <summary>Answers of a check as documents of schema <c>portolan/verdict/1</c>.</summary>
public static class VerdictDocument
{
    private const string FindingsPlace = "/findings";
    private const string MissingPlace = "/missing";
    private const string HostsPlace = "/hosts";
    private const string RemediesPlace = "/remedies";

    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<VerdictReport> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.Verdict, VerdictFields.Read, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(VerdictReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        using DocumentWriter writer = new(DocumentKind.Verdict, report.Extensions);
        WriteMembers(writer, report);
        return writer.Finish();
    }

    /// <summary>The members of one answer, into an object that is open.</summary>
    public static void WriteMembers(DocumentWriter writer, VerdictReport report)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(report);
        writer.Text("guest", report.Guest);
        writer.Text("guestHash", report.GuestHash);
        WriteHosts(writer, report.Hosts);
        writer.Object("settings", "/settings", () => WriteSettings(writer, report.Settings));
        writer.Json.WriteBoolean("fromState", report.FromState);
        Numbers(writer.Json, "vcpus", report.Vcpus);
        writer.Text("verdict", VerdictWords.Of(report.Verdict));
        writer.Number("exitCode", report.ExitCode);
        writer.Number("lastHop", report.LastHop);
        WriteFindings(writer, report.Findings, report.Missing);
        if (report.Remedies is { } remedies)
        {
            Rows(writer, "remedies", RemediesPlace, remedies, static (w, place, plan) => WritePlan(w, place, plan));
        }
        else
        {
            writer.Json.WriteNull("remedies");
        }
    }

    /// <summary>The hosts, into an object that is open.</summary>
    internal static void WriteHosts(DocumentWriter writer, ImmutableArray<ReportedHost> hosts)
        => Rows(writer, "hosts", HostsPlace, hosts, static (w, place, host) => WriteHost(w, place, host));

    /// <summary>Findings and missing facts, into an object that is open.</summary>
    internal static void WriteFindings(DocumentWriter writer, ImmutableArray<ReportedFinding> findings, ImmutableArray<ReportedGap> missing)
    {
        Rows(writer, "findings", FindingsPlace, findings, static (w, place, finding) => WriteFinding(w, place, finding));
        Rows(writer, "missing", MissingPlace, missing, static (w, _, gap) => WriteGap(w, gap));
    }

    private static void Rows<T>(DocumentWriter writer, string name, string place, ImmutableArray<T> rows, Action<DocumentWriter, string, T> members)
    {
        writer.Json.WriteStartArray(name);
        for (int i = 0; i < rows.Length; i++)
        {
            string row = VerdictFields.RowPlace(place, i);
            writer.Json.WriteStartObject();
            members(writer, row, rows[i]);
            writer.WriteExtensions(row);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
    }

    private static void WriteHost(DocumentWriter writer, string place, ReportedHost host)
    {
        writer.Text("name", host.Name);
        writer.Text("kernelRelease", host.KernelRelease);
        writer.Text("contentHash", host.ContentHash);
        writer.Object("evidence", Extension.PlaceOf(place, "evidence"), () =>
        {
            writer.Number("measured", host.Evidence.Measured);
            writer.Number("recorded", host.Evidence.Recorded);
            writer.Number("derived", host.Evidence.Derived);
            writer.Number("unknown", host.Evidence.Unknown);
        });
    }

    private static void WriteSettings(DocumentWriter writer, ReportedSettings settings)
    {
        writer.Text("vmm", settings.Vmm);
        writer.Text("order", settings.Order);
        writer.Text("evmcsEnabled", settings.EvmcsEnabled);
        writer.Text("evmcsPolicy", settings.EvmcsPolicy);
        writer.Text("evmcsDesign", settings.EvmcsDesign);
        if (settings.NestedControls is { } controls)
        {
            writer.Strings("nestedControls", controls);
        }
        else
        {
            writer.Json.WriteNull("nestedControls");
        }

        Numbers(writer.Json, "unpermitted", settings.Unpermitted);
        writer.Text("policy", settings.Policy);
        writer.Text("date", settings.Date);
    }

    private static void WriteFinding(DocumentWriter writer, string place, ReportedFinding finding)
    {
        writer.Text("clause", finding.Clause);
        writer.Text("statement", finding.Statement);
        writer.Text("severity", VerdictWords.Of(finding.Severity));
        writer.Text("consequence", finding.Consequence);
        writer.Text("enforcedBy", finding.EnforcedBy);
        writer.Number("hop", finding.Hop);
        writer.Text("host", finding.Host);
        writer.Object("subject", Extension.PlaceOf(place, "subject"), () =>
        {
            writer.Text("kind", finding.SubjectKind);
            writer.Text("id", finding.SubjectId);
        });
        writer.Text("place", finding.Words.Place);
        writer.Text("names", finding.Words.Names);
        writer.Text("guest", finding.Words.Guest);
        writer.Text("offered", finding.Words.Host);
        writer.Hex("guestValue", finding.GuestValue);
        writer.Hex("hostValue", finding.HostValue);
        writer.Text("source", finding.Source);
        writer.Text("judgedSeverity", finding.JudgedSeverity is { } severity ? VerdictWords.Of(severity) : null);
        writer.Text("waiver", finding.Waiver);
        Numbers(writer.Json, "vcpus", finding.Vcpus);
        if (finding.Cause is { } cause)
        {
            writer.Object("cause", Extension.PlaceOf(place, "cause"), () => AttributionFields.WriteMembers(writer.Json, cause));
        }
    }

    private static void WritePlan(DocumentWriter writer, string place, ReportedPlan plan)
    {
        writer.Number("cost", plan.Cost);
        writer.Text("after", VerdictWords.Of(plan.After));
        Rows(writer, "steps", Extension.PlaceOf(place, "steps"), plan.Steps, static (w, _, step) =>
        {
            w.Text("kind", step.Kind);
            w.Text("text", step.Text);
        });
    }

    private static void WriteGap(DocumentWriter writer, ReportedGap gap)
    {
        writer.Number("hop", gap.Hop);
        writer.Text("host", gap.Host);
        writer.Text("fact", gap.Fact);
        writer.Text("clause", gap.Clause);
    }

    private static void Numbers<T>(Utf8JsonWriter json, string name, ImmutableArray<T> values)
        where T : System.Numerics.IBinaryInteger<T>
    {
        json.WriteStartArray(name);
        foreach (T value in values)
        {
            json.WriteNumberValue(long.CreateChecked(value));
        }

        json.WriteEndArray();
    }
}
