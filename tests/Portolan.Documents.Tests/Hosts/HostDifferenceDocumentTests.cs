using System.Text;
using System.Text.Json.Nodes;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;
using Portolan.X86.Msr;

namespace Portolan.Documents.Tests.Hosts;

public sealed class HostDifferenceDocumentTests
{
    [Fact]
    public void Differences_of_shipped_hosts_keep_to_the_schema_and_every_one_says_its_cause()
    {
        int known = 0;
        foreach ((HostSnapshot one, HostSnapshot other) in BaseHosts.Shipped.Zip(BaseHosts.Shipped.Skip(1)))
        {
            ReadOnlyMemory<byte> bytes = HostDifferenceDocument.Write(one, other, HostAttribution.Between(one, other));
            JsonNode document = SchemaCheck.Kept("host-difference-1", bytes.Span);

            Assert.True(bytes.Span.SequenceEqual(HostDifferenceDocument.Write(one, other, HostAttribution.Between(one, other)).Span), "twice the same bytes");
            known += document["differences"]!.AsArray().Count(static row => row!["cause"]!["causes"]!.AsArray().Count > 0);
        }

        Assert.True(known > 500, $"{known} differences have a cause");
    }

    [Fact]
    public void The_CPUs_own_MSRs_keep_to_the_schema_and_stand_in_the_page_with_their_cause()
    {
        HostSnapshot before = BaseHosts.Shipped[0] with { Name = "old <b>", NativeMsrs = Portolan.Testing.Hosts.Of(MsrTable.From([new(0x10a, 0)])), Microcode = Portolan.Testing.Hosts.Of("0x1") };
        HostSnapshot after = before with { NativeMsrs = Portolan.Testing.Hosts.Of(MsrTable.From([new(0x10a, 1 << 17)])), Microcode = Portolan.Testing.Hosts.Of("0x2") };

        JsonNode document = SchemaCheck.Kept("host-difference-1", HostDifferenceDocument.Write(before, after, HostAttribution.Between(before, after)).Span);
        string page = Encoding.UTF8.GetString(HostDifferenceHtml.Page(before, after, HostAttribution.Between(before, after)).Span);

        JsonNode msr = Assert.Single(document["differences"]!.AsArray(), static row => row!["area"]!.GetValue<string>() == "nativeMsr")!;
        Assert.Equal("""["microcode"]""", msr["cause"]!["causes"]!.ToJsonString());
        Assert.Contains("<h2>likely microcode (1)</h2>\n<h3>the CPU&#39;s own MSRs: same CPU model, microcode 0x1 and 0x2, and updates bring it", page, StringComparison.Ordinal);
        Assert.Contains("MSR 10AH IA32_ARCH_CAPABILITIES[17] FB_CLEAR", page, StringComparison.Ordinal);
        Assert.Contains("<h1>old &lt;b&gt; → old &lt;b&gt;</h1>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }
}
