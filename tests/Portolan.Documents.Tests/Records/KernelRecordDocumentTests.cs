using System.Text;
using Portolan.Documents.Records;
using HostSnapshot = Portolan.Kvm.Snapshot.HostSnapshot;

namespace Portolan.Documents.Tests.Records;

/// <summary>Kernel records: made of a conformance document, written, read, and refused in one line where something is wrong.</summary>
public sealed class KernelRecordDocumentTests
{
    private const string Conformance = """
        {
          "schema": "portolan/conformance/1",
          "suite": "sha256:00",
          "subjects": [
            { "subject": "live", "cases": [
              { "id": "b/2", "outcome": "deviation", "expected": "EINVAL", "found": "say \"ok\"", "reason": "known", "checks": 1 },
              { "id": "a", "outcome": "pass", "expected": null, "found": null, "reason": null, "checks": 3 }
            ] }
          ]
        }
        """;

    [Fact]
    public void A_record_has_the_cases_of_the_only_subject_by_id()
    {
        KernelRecord record = FromConformance(Conformance).Value!;

        Assert.Equal(["a", "b/2"], record.Cases.Select(static one => one.Id));
        Assert.Equal((RecordedOutcome.Deviation, "say \"ok\"", "known"), (record.Cases[1].Outcome, record.Cases[1].Found, record.Cases[1].Reason));
        Assert.Equal(("cpu-6.1.1", "amd", "sha256:00"), (record.Name, record.Oracle, record.Suite));
        Assert.Equal((1, 0, 1, 0), (record.Count(RecordedOutcome.Pass), record.Count(RecordedOutcome.Fail), record.Count(RecordedOutcome.Deviation), record.Count(RecordedOutcome.NotDecidable)));
    }

    [Fact]
    public void What_is_written_is_read_again_with_fields_that_this_version_does_not_know()
    {
        string text = Encoding.UTF8.GetString(KernelRecordDocument.Write(FromConformance(Conformance).Value!).Span);
        string with = text.Replace("{ \"id\": \"a\", \"outcome\": \"pass\" }", "{ \"id\": \"a\", \"outcome\": \"pass\", \"later\": 7 }", StringComparison.Ordinal);
        Assert.NotEqual(text, with);

        Reading<KernelRecord> read = KernelRecordDocument.Read("f", Encoding.UTF8.GetBytes(with));

        Assert.True(read.Ok, read.Fault?.ToString());
        Assert.Equal(with, Encoding.UTF8.GetString(KernelRecordDocument.Write(read.Value).Span));
    }

    [Theory]
    [InlineData("\"outcome\": \"pass\"", "\"outcome\": \"passed\"", "pass, fail, deviation or not-decidable")]
    [InlineData("\"id\": \"a\"", "\"id\": \"b/2\"", "a case that stands once")]
    [InlineData("\"id\": \"a\"", "\"id\": 5", "a string")]
    [InlineData("\"subjects\": [", "\"subjects\": [ { \"cases\": [] },", "one subject")]
    public void What_is_wrong_is_one_fault(string from, string to, string expected)
    {
        Reading<KernelRecord> read = FromConformance(Conformance.Replace(from, to, StringComparison.Ordinal));

        Assert.False(read.Ok);
        Assert.Contains(expected, read.Fault.ToString(), StringComparison.Ordinal);
    }

    private static Reading<KernelRecord> FromConformance(string text)
        => KernelRecordDocument.FromConformance("f", Encoding.UTF8.GetBytes(text), new HostSnapshot(), "cpu-6.1.1", "amd");
}
