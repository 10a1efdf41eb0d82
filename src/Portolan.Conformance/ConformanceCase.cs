using System.Collections.Immutable;

namespace Portolan.Conformance;

/// <summary>
/// One question to a kernel, written once against KVM's interfaces: it runs on the model and on /dev/kvm alike. What it expects comes
/// from the subject's host snapshot and its behaviours, never from a release.
/// </summary>
/// <param name="Id">The first clause's id, and after a slash what is varied.</param>
/// <param name="Decides">The clauses of data/kvm/clauses.tsv and the numbered facts that the answer decides; the clauses first.</param>
/// <param name="Statement">What is asked and demanded, in a sentence.</param>
/// <param name="Needs">What the subject must have for the question to make sense.</param>
/// <param name="Body">Asks; the run keeps what was expected and found.</param>
public sealed record ConformanceCase(
    string Id, ImmutableArray<string> Decides, string Statement, ImmutableArray<CaseNeed> Needs, Action<CaseRun> Body)
{
    /// <summary>A case of one clause.</summary>
    internal static ConformanceCase Of(string clause, string variant, string statement, CaseNeed[] needs, Action<CaseRun> body)
        => new(variant.Length == 0 ? clause : $"{clause}/{variant}", [clause], statement, [.. needs], body);

    /// <summary>The same case, which decides more.</summary>
    internal ConformanceCase Also(params string[] decides) => this with { Decides = [.. Decides, .. decides] };

    /// <summary>The same case, which needs more.</summary>
    internal ConformanceCase With(params CaseNeed[] needs) => this with { Needs = [.. Needs, .. needs] };
}
