using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Policies;

/// <summary>Clauses by id, or by what their ids begin with: <c>promise.cpuid</c>, <c>promise.*</c>, <c>*</c>.</summary>
/// <param name="Text">The id, or the beginning with <c>*</c> at its end.</param>
public readonly record struct ClausePattern(string Text)
{
    /// <summary>Does it name a beginning?</summary>
    public bool IsPrefix => Text.EndsWith('*');

    /// <summary>The clauses that it names, in the table's order; none for an id or a beginning that no clause has.</summary>
    public IEnumerable<Clause> Clauses
    {
        get
        {
            ClausePattern self = this;
            return ClauseTable.Every.Where(clause => self.Matches(clause.Rule.Id));
        }
    }

    /// <summary>Does it name this clause?</summary>
    public bool Matches(string id) => IsPrefix ? id.AsSpan().StartsWith(Text.AsSpan(0, Text.Length - 1), StringComparison.Ordinal) : id == Text;

    /// <inheritdoc/>
    public override string ToString() => Text;
}
