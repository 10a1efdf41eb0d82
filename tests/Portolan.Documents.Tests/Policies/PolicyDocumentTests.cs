using System.Text;
using Portolan.Compatibility.Policies;
using Portolan.Documents.Policies;
using Portolan.Testing;

namespace Portolan.Documents.Tests.Policies;

public sealed class PolicyDocumentTests
{
    private static readonly byte[] Example = File.ReadAllBytes(Repository.At("tests", "Portolan.Documents.Tests", "Examples", "policy-1.json"));

    [Fact]
    public void Policy_1_reads_is_of_its_schema_and_writes_back_byte_for_byte()
    {
        SchemaCheck.Kept("policy-1", Example);
        Reading<CheckPolicy> read = PolicyDocument.Read("e", Example);

        Assert.True(read.Ok, read.ToString());
        Assert.Equal(("production", true, 30), (read.Value.Name, read.Value.FailsOnWarnings, read.Value.MaxEvidenceAgeDays));
        Assert.Equal([PolicyAction.Block, PolicyAction.Warn, PolicyAction.Block], read.Value.Rules.Select(static rule => rule.Action));
        Assert.Equal(["ssbd", null], read.Value.Waivers.Select(static waiver => waiver.Subject?.Text));
        Assert.Equal(["/aFieldOfALaterRelease", "/waivers/ssbd-on-rack-b/ticket"], read.Value.Extensions.Keys);
        Assert.Equal(Encoding.UTF8.GetString(Example), Encoding.UTF8.GetString(PolicyDocument.Write(read.Value).Span));
    }

    [Fact]
    public void A_policy_that_says_nothing_changes_nothing()
    {
        CheckPolicy policy = PolicyDocument.Read("e", """{ "schema": "portolan/policy/1" }"""u8.ToArray()).Value!;

        Assert.Equal((0, 0, false), (policy.Rules.Length, policy.Waivers.Length, policy.FailsOnWarnings));
    }

    [Theory]
    [InlineData("\"promise.emulated\": \"block\"", "\"promise.emulatd\": \"block\"", "line 7, byte 130, $.clauses.promise.emulatd: expected the id of a clause, or the beginning of ids with * at its end, found \"promise.emulatd\"; near it: promise.emulated")]
    [InlineData("\"promise.emulated\": \"block\"", "\"promise.emulated\": \"forget\"", "$.clauses.promise.emulated: expected \"block\", \"warn\" or \"note\", found \"forget\"")]
    [InlineData("\"tsc.catch-up\": \"block\"", "\"tsc.catch-up\": \"note\"", "$.clauses.tsc.catch-up: expected nothing milder than what tsc.catch-up comes to by itself (degrades, enforced by kvm), found \"note\"; an ioctl does not read a policy")]
    [InlineData("\"promise.hyperv*\": \"warn\"", "\"*\": \"warn\"", "expected nothing milder than what xsave.set.supported comes to by itself (blocks, enforced by kvm), found \"warn\"")]
    [InlineData("\"promise.hyperv*\": \"warn\"", "\"promise.emulated\": \"warn\"", "line 8")]
    [InlineData("\"maxEvidenceAgeDays\": 30", "\"maxEvidenceAgeDays\": -1", "$.maxEvidenceAgeDays: expected a whole number from 0 to 36500, found -1")]
    [InlineData("\"failOn\": \"warnings\"", "\"failOn\": \"notes\"", "$.failOn: expected \"incompatible\" or \"warnings\", found \"notes\"")]
    [InlineData("\"clause\": \"promise.cpuid\"", "\"clause\": \"xsave.set.promised\"", "line 14, byte 292, $.waivers[0].clause: expected a clause that only a check enforces, found \"xsave.set.promised\", and xsave.set.promised is enforced by kvm; an ioctl does not read a policy")]
    [InlineData("\"clause\": \"evidence.*\"", "\"clause\": \"nothing.*\"", "$.waivers[1].clause: expected the id of a clause")]
    [InlineData("\"expires\": \"2026-12-31\"", "\"expires\": \"2026-02-30\"", "line 18, byte 452, $.waivers[0].expires: expected a day as \"2026-12-31\", found \"2026-02-30\"")]
    [InlineData("\"expires\": \"2026-12-31\"", "\"expires\": \"31.12.2026\"", "expected a day as \"2026-12-31\"")]
    [InlineData("\"expires\": \"2027-01-31\"", "\"remark\": 1", "$.waivers[1]: expected the field \"expires\", found none")]
    [InlineData("\"name\": \"old-snapshots\"", "\"name\": \"ssbd-on-rack-b\"", "$.waivers[1].name: expected each waiver's name once, found \"ssbd-on-rack-b\" a second time; give it another name")]
    [InlineData("\"reason\": \"dumped again every night\"", "\"reason\": \" \"", "$.waivers[1].reason: expected a text that is not empty")]
    [InlineData("\"subject\": \"ssbd\"", "\"subject\": \"sbsd\"", "$.waivers[0].subject: expected a CPUID feature, an MSR (name or 0x…), a component")]
    [InlineData("\"clause\": \"promise.cpuid\"", "\"clause\": 7", "$.waivers[0].clause: expected a string, found 7")]
    [InlineData("portolan/policy/1", "portolan/policy/2", "expected major version 1")]
    [InlineData("portolan/policy/1", "portolan/guest-contract/1", "give a policy here")]
    public void Bad_input_is_one_line_with_its_place_and_reason(string old, string replacement, string message)
    {
        string text = Encoding.UTF8.GetString(Example);
        Assert.Contains(old, text, StringComparison.Ordinal);

        Reading<CheckPolicy> read = PolicyDocument.Read("prod.json", Encoding.UTF8.GetBytes(text.Replace(old, replacement, StringComparison.Ordinal)));

        Assert.False(read.Ok);
        string line = read.Fault.ToString();
        Assert.StartsWith("prod.json, line ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void Whatever_single_value_is_broken_the_reader_answers_a_fault_or_a_policy()
    {
        string text = Encoding.UTF8.GetString(Example);
        string[] values = ["null", "7", "\"\"", "[]", "{}", "true", "[{}]"];
        for (int at = text.IndexOf(": ", StringComparison.Ordinal); at >= 0; at = text.IndexOf(": ", at + 2, StringComparison.Ordinal))
        {
            int end = text.IndexOfAny([',', '\n'], at);
            foreach (string value in values)
            {
                Reading<CheckPolicy> read = PolicyDocument.Read("p", Encoding.UTF8.GetBytes(string.Concat(text.AsSpan(0, at + 2), value, text.AsSpan(end))));
                Assert.True(read.Ok != read.Fault is not null);
            }
        }
    }
}
