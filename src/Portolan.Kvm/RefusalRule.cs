namespace Portolan.Kvm;

/// <summary>The rule by which an ioctl refused. The live kernel knows only the errno; the model also knows the rule.</summary>
/// <param name="Id">The clause's id, as in data/kvm/clauses.tsv.</param>
/// <param name="Statement">What the rule demands.</param>
/// <param name="Source">Kernel file and function, or SDM section.</param>
public sealed record RefusalRule(string Id, string Statement, string Source);
