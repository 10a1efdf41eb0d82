using System.Text.RegularExpressions;
using Portolan.Kvm.Clauses;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Tests.Clauses;

/// <summary>A clause that nothing judges would be a promise that nobody keeps.</summary>
public sealed partial class ClauseUseTests
{
    private static readonly string[] Judges = ["Portolan.Kvm", "Portolan.Kvm.Model", "Portolan.Compatibility"];

    [Fact]
    public void Every_clause_is_judged_or_says_why_no_check_decides_it()
    {
        HashSet<string> used = Used();

        Assert.Empty(ClauseTable.All.Where(clause => clause.Unjudged is null && !used.Contains(NameOf(clause))).Select(clause => clause.Rule.Id));
    }

    [Fact]
    public void A_clause_that_says_no_check_decides_it_is_not_judged()
    {
        HashSet<string> used = Used();

        Assert.Empty(ClauseTable.All.Where(clause => clause.Unjudged is not null && used.Contains(NameOf(clause))).Select(clause => clause.Rule.Id));
    }

    /// <summary>The names that the judges' sources take from the table.</summary>
    private static HashSet<string> Used()
        => [.. Judges.SelectMany(project => Directory.EnumerateFiles(Repository.At("src", project), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.EndsWith(".g.cs", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file => Reference().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value)];

    /// <summary>The name of a clause in the table: <c>xsave.get.lost</c> is XsaveGetLost.</summary>
    private static string NameOf(Clause clause)
        => string.Concat(clause.Rule.Id.Split('.', '-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    [GeneratedRegex(@"ClauseTable\.([A-Za-z0-9]+)")]
    private static partial Regex Reference();
}
