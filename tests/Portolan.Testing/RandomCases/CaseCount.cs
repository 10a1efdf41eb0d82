using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Testing.RandomCases;

/// <summary>Counts what came of random cases, so that a generator that only makes trivial ones shows.</summary>
public sealed class CaseCount
{
    private readonly long[] _verdicts = new long[Enum.GetValues<Verdict>().Length];
    private readonly long[] _severities = new long[Enum.GetValues<ClauseSeverity>().Length];
    private readonly SortedDictionary<string, long> _clauses = new(StringComparer.Ordinal);

    /// <summary>How many cases were counted.</summary>
    public long Cases { get; private set; }

    /// <summary>How many cases came to a verdict.</summary>
    public long Of(Verdict verdict) => _verdicts[(int)verdict];

    /// <summary>How many cases have a finding of a severity as their worst.</summary>
    public long Of(ClauseSeverity severity) => _severities[(int)severity];

    /// <summary>The clauses that were found, and in how many findings.</summary>
    public IReadOnlyDictionary<string, long> Clauses => _clauses;

    /// <summary>Counts a judgement.</summary>
    public void Add(Judgement judgement)
    {
        ArgumentNullException.ThrowIfNull(judgement);
        Cases++;
        _verdicts[(int)judgement.Verdict]++;
        foreach (Finding finding in judgement.Findings)
        {
            _clauses[finding.Rule.Id] = _clauses.GetValueOrDefault(finding.Rule.Id) + 1;
        }

        if (!judgement.Findings.IsEmpty)
        {
            _severities[(int)judgement.Findings.Max(finding => finding.Severity)]++;
        }
    }

    /// <summary>Adds another count.</summary>
    public void Add(CaseCount other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Cases += other.Cases;
        for (int i = 0; i < _verdicts.Length; i++)
        {
            _verdicts[i] += other._verdicts[i];
        }

        for (int i = 0; i < _severities.Length; i++)
        {
            _severities[i] += other._severities[i];
        }

        foreach ((string id, long count) in other._clauses)
        {
            _clauses[id] = _clauses.GetValueOrDefault(id) + count;
        }
    }

    /// <summary>The shares of the verdicts and of the worst findings, and how many clauses were found.</summary>
    public override string ToString()
        => $"{Cases} cases: {string.Join(", ", Enum.GetValues<Verdict>().Select(verdict => $"{verdict} {Share(Of(verdict))}"))}; worst finding "
            + $"{string.Join(", ", Enum.GetValues<ClauseSeverity>().Reverse().Select(severity => $"{severity} {Share(Of(severity))}"))}; {_clauses.Count} clauses";

    private string Share(long count) => FormattableString.Invariant($"{100.0 * count / Math.Max(1, Cases):0.0} %");
}
