using System.Collections.Immutable;
using Portolan.Kvm.Kernel;

namespace Portolan.Conformance;

/// <summary>A kernel that breaks a clause, as it was measured (data/kvm/deviations.tsv).</summary>
/// <param name="Case">The case's id, or the beginning of it before a star.</param>
/// <param name="Modules">The vendor modules that do so; any if empty.</param>
/// <param name="Kernels">The releases that do so; any if empty.</param>
/// <param name="Cpu">Words in the brand string of the CPUs that do so; any if empty.</param>
/// <param name="Found">Words in what was found.</param>
/// <param name="Statement">What they do.</param>
internal sealed record KnownDeviation(string Case, ImmutableArray<string> Modules, ImmutableArray<KernelSpan> Kernels, string Cpu, string Found, string Statement)
{
    /// <summary>Is a failed case this?</summary>
    public bool Explains(CaseResult failed, string? module, KernelRelease? release, string brand)
        => (Case.EndsWith('*') ? failed.Case.Id.StartsWith(Case[..^1], StringComparison.Ordinal) : failed.Case.Id == Case)
            && (Modules.IsEmpty || module is not null && Modules.Contains(module))
            && (Kernels.IsEmpty || release is { } known && Kernels.Any(span => span.Contains(known)))
            && brand.Contains(Cpu, StringComparison.Ordinal)
            && failed.Found!.Contains(Found, StringComparison.Ordinal);
}

/// <summary>What is known of kernels that break a clause. A model never deviates but by its behaviours.</summary>
internal static partial class KnownDeviations
{
    /// <summary>The rows, for the test that holds them to the cases.</summary>
    public static IEnumerable<KnownDeviation> All => Rows;

    /// <summary>A failed case that is known of such kernels becomes a deviation.</summary>
    public static CaseResult Explain(CaseResult failed, ConformanceSubject subject)
    {
        if (subject.IsModel)
        {
            return failed;
        }

        KernelRelease? release = KernelRelease.TryParse(subject.Host.KernelRelease?.Value, subject.Host.KernelVersion?.Value, out KernelRelease parsed) ? parsed : null;
        string brand = subject.Host.NativeCpuid is { } cpuid ? CpuidText.Brand(cpuid.Value) : "";
        return Rows.FirstOrDefault(row => row.Explains(failed, subject.Host.KvmModule?.Value, release, brand)) is { } known
            ? failed with { Outcome = CaseOutcome.Deviation, Reason = known.Statement }
            : failed;
    }
}
