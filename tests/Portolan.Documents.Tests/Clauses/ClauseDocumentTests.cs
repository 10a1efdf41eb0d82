using System.Text.Json.Nodes;
using Portolan.Documents.Clauses;
using Portolan.Kvm.Clauses;
using Portolan.Testing;

namespace Portolan.Documents.Tests.Clauses;

public sealed class ClauseDocumentTests
{
    [Fact]
    public void The_list_of_clauses_is_of_its_schema_and_has_every_clause()
    {
        JsonNode list = Checked("clause-list", ClauseDocument.WriteList(ClauseTable.Every));

        Assert.Equal(
            ClauseTable.Every.Select(static clause => clause.Rule.Id),
            ((JsonArray)list["clauses"]!).Select(static clause => clause!["id"]!.GetValue<string>()));
    }

    [Fact]
    public void Each_clause_is_of_its_schema()
        => Assert.All(ClauseTable.Every, static clause =>
        {
            JsonNode document = Checked("clause", ClauseDocument.Write(clause));
            Assert.Equal(clause.Consequence, document["consequence"]!.GetValue<string>());
            Assert.Equal(clause.FactIds, ((JsonArray)document["facts"]!).Select(static fact => fact!["id"]!.GetValue<string>()));
        });

    [Fact]
    public void The_list_of_facts_is_of_its_schema_and_names_clauses_that_exist()
    {
        JsonArray facts = (JsonArray)Checked("fact-list", ClauseDocument.WriteFacts(FactTable.All))["facts"]!;

        Assert.Equal(FactTable.All.Count, facts.Count);
        Assert.All(facts.SelectMany(static fact => (JsonArray)fact!["clauses"]!), static id => Assert.NotNull(ClauseTable.Find(id!.GetValue<string>())));
    }

    private static JsonNode Checked(string kind, ReadOnlyMemory<byte> document) => SchemaCheck.Kept(kind + "-1", document.Span);
}
