using System.Collections.Immutable;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>Differences with the same causes and the same certainty.</summary>
/// <param name="Words">Causes and certainty: <c>kernel</c>, <c>likely microcode</c>.</param>
/// <param name="Rows">The differences, in their own order.</param>
public sealed record CauseGroup(string Words, ImmutableArray<AttributedDifference> Rows)
{
    /// <summary>The groups: the certain ones first, then by cause in the order of <see cref="Cause"/>, fewer causes before more.</summary>
    public static IEnumerable<CauseGroup> Of(IEnumerable<AttributedDifference> differences)
        => differences.GroupBy(static row => (row.Attribution.Certainty, Key: string.Concat(row.Attribution.Causes.Select(static cause => (char)('a' + cause)))))
            .OrderBy(static group => group.Key.Certainty)
            .ThenBy(static group => group.Key.Key.Length == 0)
            .ThenBy(static group => group.Key.Key.Length)
            .ThenBy(static group => group.Key.Key, StringComparer.Ordinal)
            .Select(static group => new CauseGroup(group.First().Attribution.Words, [.. group]));
}
