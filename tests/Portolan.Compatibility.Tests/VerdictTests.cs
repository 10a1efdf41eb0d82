using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Tests;

/// <summary>How findings and missing facts make a verdict.</summary>
public sealed class VerdictTests
{
    private static readonly MissingEvidence Something = new(1, "xsave.set-mask");

    [Theory]
    [InlineData(ClauseSeverity.Blocks, false, Verdict.Incompatible)]
    [InlineData(ClauseSeverity.Corrupts, true, Verdict.Incompatible)]
    [InlineData(ClauseSeverity.Breaks, true, Verdict.Incompatible)]
    [InlineData(ClauseSeverity.Degrades, true, Verdict.Unknown)]
    [InlineData(ClauseSeverity.Degrades, false, Verdict.CompatibleWithWarnings)]
    [InlineData(ClauseSeverity.Notes, true, Verdict.Unknown)]
    [InlineData(ClauseSeverity.Notes, false, Verdict.Compatible)]
    public void The_worst_finding_decides_before_a_missing_fact_before_warnings(ClauseSeverity severity, bool missing, Verdict expected)
        => Assert.Equal(expected, Judgement.VerdictOf([new Finding(ClauseTable.PromiseCpuid, severity, 1, default)], missing ? [Something] : []));
}
