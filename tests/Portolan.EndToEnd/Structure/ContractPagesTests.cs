using Portolan.ContractPages;
using Portolan.Documents;
using Portolan.Kvm.Clauses;
using Repo = Portolan.Testing.Repository;

namespace Portolan.EndToEnd.Structure;

/// <summary>The pages of docs/contract cannot drift from the tables and the recorded hosts.</summary>
public sealed class ContractPagesTests
{
    private static readonly Lazy<IReadOnlyList<Page>> Pages = new(() =>
    {
        Reading<IReadOnlyList<Page>> pages = AllPages.Write(Repo.Root);
        Assert.True(pages.Ok, pages.Fault?.ToString());
        return pages.Value;
    });

    [Fact]
    public void Committed_pages_equal_what_the_tables_make()
    {
        foreach (Page page in Pages.Value)
        {
            Assert.True(File.Exists(Repo.At(page.Path)), $"{page.Path} is not committed; run ./pages");
            Assert.True(File.ReadAllText(Repo.At(page.Path)) == page.Text, $"{page.Path} is not what its tables say; run ./pages");
        }
    }

    [Fact]
    public void Every_clause_has_a_place_on_exactly_one_page()
    {
        foreach (Clause clause in ClauseTable.Every)
        {
            Assert.Single(Pages.Value, page => page.Text.Contains($"\n## {clause.Rule.Id}\n", StringComparison.Ordinal));
        }
    }
}
