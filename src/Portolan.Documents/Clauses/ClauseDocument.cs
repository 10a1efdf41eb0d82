using Portolan.Documents.Json;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;

namespace Portolan.Documents.Clauses;

/// <summary>The contract's clauses and facts as documents: written, not read.</summary>
public static class ClauseDocument
{
    /// <summary>Clauses in a given order, as a document of schema <c>portolan/clause-list/1</c>.</summary>
    public static ReadOnlyMemory<byte> WriteList(IEnumerable<Clause> clauses)
    {
        ArgumentNullException.ThrowIfNull(clauses);
        using DocumentWriter writer = new(DocumentKind.ClauseList);
        writer.Objects("clauses", clauses, clause =>
        {
            WriteHead(writer, clause);
        });
        return writer.Finish();
    }

    /// <summary>All of one clause, as a document of schema <c>portolan/clause/1</c>.</summary>
    public static ReadOnlyMemory<byte> Write(Clause clause)
    {
        ArgumentNullException.ThrowIfNull(clause);
        using DocumentWriter writer = new(DocumentKind.Clause);
        WriteHead(writer, clause);
        writer.Text("consequence", clause.Consequence);
        writer.Text("rationale", clause.Rationale);
        writer.Text("unjudged", clause.Unjudged);
        writer.Text("source", clause.Rule.Source);
        writer.Objects("facts", clause.FactIds.Select(FactTable.Find).OfType<ContractFact>(), fact =>
        {
            writer.Text("id", fact.Id);
            writer.Text("title", fact.Title);
        });
        return writer.Finish();
    }

    /// <summary>Every numbered fact with the clauses that state it, as a document of schema <c>portolan/fact-list/1</c>.</summary>
    public static ReadOnlyMemory<byte> WriteFacts(IEnumerable<ContractFact> facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        using DocumentWriter writer = new(DocumentKind.FactList);
        writer.Objects("facts", facts, fact =>
        {
            writer.Text("id", fact.Id);
            writer.Text("title", fact.Title);
            writer.Json.WriteStartArray("clauses");
            foreach (Clause clause in FactTable.ClausesOf(fact))
            {
                writer.Json.WriteStringValue(clause.Rule.Id);
            }

            writer.Json.WriteEndArray();
            writer.Text("reason", fact.Reason);
        });
        return writer.Finish();
    }

    private static void WriteHead(DocumentWriter writer, Clause clause)
    {
        writer.Text("id", clause.Rule.Id);
        writer.Text("severity", VerdictWords.Of(clause.Severity));
        writer.Text("enforcedBy", clause.EnforcedBy);
        writer.Text("statement", clause.Rule.Statement);
    }
}
