using System.Text.Json.Nodes;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;

namespace Portolan.Documents.Tests.Hosts;

public sealed class HostDifferenceDocumentTests
{
    [Fact]
    public void Differences_of_shipped_hosts_keep_to_the_schema_and_every_one_says_its_cause()
    {
        SchemaCheck check = new((JsonObject)JsonNode.Parse(File.ReadAllText(Repository.At("data", "schemas", "host-difference-1.schema.json")))!);
        int known = 0;
        foreach ((HostSnapshot one, HostSnapshot other) in BaseHosts.Shipped.Zip(BaseHosts.Shipped.Skip(1)))
        {
            ReadOnlyMemory<byte> bytes = HostDifferenceDocument.Write(one, other, HostAttribution.Between(one, other));
            JsonNode document = JsonNode.Parse(bytes.Span)!;

            check.Check(document);
            Assert.Empty(check.Problems);
            Assert.True(bytes.Span.SequenceEqual(HostDifferenceDocument.Write(one, other, HostAttribution.Between(one, other)).Span), "twice the same bytes");
            known += document["differences"]!.AsArray().Count(static row => row!["cause"]!["causes"]!.AsArray().Count > 0);
        }

        Assert.True(known > 500, $"{known} differences have a cause");
    }
}
