namespace Portolan.Conformance;

/// <summary>What is known of kernels that break a clause.</summary>
internal static class KnownDeviations
{
    /// <summary>A failed case that is known of such kernels becomes a deviation.</summary>
    public static CaseResult Explain(CaseResult failed, ConformanceSubject subject)
    {
        _ = subject;
        return failed;
    }
}
