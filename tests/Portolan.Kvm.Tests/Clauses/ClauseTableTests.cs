using System.Text.RegularExpressions;
using Portolan.Kvm.Clauses;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Tests.Clauses;

public sealed partial class ClauseTableTests
{
    private static readonly (char Kind, int Count)[] Numbers = [('X', 40), ('C', 11), ('M', 24), ('E', 19), ('N', 9), ('S', 23)];

    [Fact]
    public void Every_numbered_fact_has_a_row()
        => Assert.Equal(
            Numbers.SelectMany(kind => Enumerable.Range(1, kind.Count).Select(number => $"{kind.Kind}{number}")),
            FactTable.All.Select(fact => fact.Id));

    [Fact]
    public void The_rows_are_the_facts_that_the_contract_numbers()
    {
        string text = File.ReadAllText(Repository.SharedContract());

        Assert.Equal(
            FactNumber().Matches(text).Select(match => match.Groups[1].Value).ToHashSet().Order(StringComparer.Ordinal),
            FactTable.All.Select(fact => fact.Id).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_fact_has_a_clause_or_a_reason()
        => Assert.All(FactTable.All, fact => Assert.True(FactTable.ClausesOf(fact).Any() == fact.Reason is null, fact.Id));

    [Fact]
    public void Ids_and_consequences_of_clauses_are_unique()
    {
        Assert.Equal(ClauseTable.Every.Count(), ClauseTable.Every.DistinctBy(clause => clause.Rule.Id).Count());
        Assert.Equal(ClauseTable.Every.Count(), ClauseTable.Every.DistinctBy(clause => clause.Consequence).Count());
    }

    [Fact]
    public void Every_clause_names_who_enforces_it_and_where_that_was_read()
        => Assert.All(ClauseTable.Every, clause =>
        {
            Assert.Contains(clause.EnforcedBy, (string[])["kvm", "vmm", "policy"]);
            Assert.NotEqual("-", clause.Rule.Source);
            Assert.Same(clause, ClauseTable.Find(clause.Rule.Id));
        });

    [Theory]
    [InlineData("M12", "vmx.restore.misc-preemption-timer-rate")]
    [InlineData("x35", "vmm.not-loaded")]
    [InlineData("N7", "nested.vmx.vmcs12-revision,vmx.restore.basic-revision")]
    [InlineData("E16", "")]
    public void The_clauses_of_a_fact_are_found(string fact, string clauses)
        => Assert.Equal(clauses, string.Join(',', FactTable.ClausesOf(FactTable.Find(fact)!).Select(clause => clause.Rule.Id)));

    [GeneratedRegex(@"(?:^|\. )([XCMENS][0-9]+)\. ", RegexOptions.Multiline)]
    private static partial Regex FactNumber();
}
