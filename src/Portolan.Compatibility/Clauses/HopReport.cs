using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Clauses;

/// <summary>Collects what the clauses find on one hop.</summary>
internal sealed class HopReport(int hop, List<Finding> findings, List<MissingEvidence> missing)
{
    public int Hop => hop;

    /// <summary>Was a call refused here?</summary>
    public bool Blocked { get; private set; }

    /// <summary>While set, what is found is not written down: a trial.</summary>
    public bool IsTrial { get; init; }

    /// <summary>A clause is violated, with the clause's own severity.</summary>
    public void Add(RefusalRule rule, Subject subject, ulong guest = 0, ulong host = 0)
        => Add(rule, ClauseTable.Find(rule.Id)?.Severity ?? ClauseSeverity.Blocks, subject, guest, host);

    /// <summary>A clause is violated, with a severity of its own.</summary>
    public void Add(RefusalRule rule, ClauseSeverity severity, Subject subject, ulong guest = 0, ulong host = 0)
        => Add(new Finding(rule, severity, hop, subject, guest, host));

    /// <summary>A finding.</summary>
    public void Add(Finding finding)
    {
        Blocked |= finding.Severity == ClauseSeverity.Blocks;
        if (!IsTrial)
        {
            findings.Add(finding);
        }
    }

    /// <summary>An ioctl's refusal; a rule that names a missing fact is noted as such.</summary>
    /// <returns>Was there a rule?</returns>
    public bool Refused(RefusalRule? rule, Subject subject, ulong guest = 0, ulong host = 0)
    {
        if (rule is null)
        {
            return false;
        }

        if (MissingFact.NameOf(rule) is { } fact)
        {
            Missing(fact);
        }
        else
        {
            Add(rule, ClauseSeverity.Blocks, subject, guest, host);
        }

        return true;
    }

    /// <summary>A fact that decides is missing.</summary>
    public void Missing(string fact, RefusalRule? clause = null)
    {
        if (!IsTrial)
        {
            missing.Add(new MissingEvidence(hop, fact, clause));
        }
    }

    /// <summary>A report that is thrown away.</summary>
    public HopReport Trial() => new(hop, findings, missing) { IsTrial = true };
}
