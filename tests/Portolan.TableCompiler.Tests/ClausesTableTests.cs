using Portolan.TableCompiler.Tables;
using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class ClausesTableTests
{
    private const string Clauses = "data/kvm/clauses.tsv";
    private const string Facts = "data/kvm/facts.tsv";
    private const string Unjudged = "data/kvm/unjudged.tsv";

    [Theory]
    [InlineData(Clauses, "xsave.get.dropped\t", "\tkvm\t", "\tme\t", "'by' should be one of")]
    [InlineData(Clauses, "xsave.get.dropped\t", "\tnotes\t", "\tannoys\t", "'severity' should be one of")]
    [InlineData(Clauses, "xsave.get.dropped\t", "X33", "X99", "'facts' should name facts of data/kvm/facts.tsv, and has 'X99'")]
    [InlineData(Clauses, "xsave.get.dropped\t", "X21,X33", "X33,X33", "'facts' has 'X33' twice")]
    [InlineData(Clauses, "xsave.set.xcomp-bv\t", "\tX1\t", "\t-\t", "no clause states 'X1', so 'reason' should say why")]
    [InlineData(Clauses, "promise.cpuid\t", "promise.cpuid\t", "promise.number\t", "id 'promise.number' stands already")]
    [InlineData(Facts, "X1\t", "\t-\t", "\tnobody cares\t", "a clause states 'X1', so 'reason' should be -")]
    [InlineData(Facts, "C11\t", "C11\t", "C10\t", "fact 'C10' stands already")]
    [InlineData(Unjudged, "vmm.feature-msrs\t", "vmm.feature-msrs\t", "vmm.future-msrs\t", "data/kvm/clauses.tsv has no clause 'vmm.future-msrs'")]
    public void The_clauses_are_strict(string file, string line, string old, string replacement, string message)
    {
        IReadOnlyList<string> problems = EditedTables.Compile(new ClausesTable(), file, line, old, replacement);

        Assert.Contains(problems, text => text.StartsWith("data/", StringComparison.Ordinal) && text.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void Two_clauses_with_the_same_consequence_are_a_problem()
        => Assert.Contains(
            EditedTables.CompileWith(new ClausesTable(), Clauses, "x.y\t-\tkvm\tnotes\tA\tWRMSR of a locked IA32_FEAT_CTL raises #GP in the guest\tB\tC"),
            text => text.Contains("stands already on line", StringComparison.Ordinal));
}
