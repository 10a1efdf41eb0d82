using System.Collections.Immutable;
using Portolan.Kvm.Kernel;

namespace Portolan.Conformance.Differential;

/// <summary>Where the model need not do as a kernel does (data/kvm/differences.tsv).</summary>
/// <param name="Group">What differs, as the run names it; whole words at its beginning.</param>
/// <param name="Members">Those of the group that are meant, its last word; all if empty.</param>
/// <param name="Modules">The vendor modules that do so; any if empty.</param>
/// <param name="Kernels">The releases that do so; any if empty.</param>
/// <param name="Statement">What they do, and why it is none of the model's.</param>
internal sealed record KnownDifference(string Group, ImmutableArray<string> Members, ImmutableArray<string> Modules, ImmutableArray<KernelSpan> Kernels, string Statement)
{
    /// <summary>How a report names a difference that is this one: by its place, so that rows of one group stay apart; by the group where every place is meant.</summary>
    public string NameOf(string group) => Members.IsEmpty ? Group : group;

    /// <summary>Is a difference in this group, on such a kernel, this one?</summary>
    public bool Explains(string group, string? module, KernelRelease? release)
        => (Members.IsEmpty
                ? (group + " ").StartsWith(Group + " ", StringComparison.Ordinal)
                : Members.Any(member => string.Equals(group, $"{Group} {member}", StringComparison.Ordinal)))
            && (Modules.IsEmpty || module is not null && Modules.Contains(module))
            && (Kernels.IsEmpty || release is { } known && Kernels.Any(span => span.Contains(known)));
}

/// <summary>The known differences. A model in the kernel's place has none.</summary>
internal static partial class KnownDifferences
{
    /// <summary>The rows, for the tests that hold them to their sources.</summary>
    public static IEnumerable<KnownDifference> All => Rows;

    /// <summary>The known difference that a difference is; null where it is none.</summary>
    public static KnownDifference? Explain(string group, ConformanceSubject kernel)
    {
        if (kernel.IsModel)
        {
            return null;
        }

        KernelRelease? release = KernelRelease.TryParse(kernel.Host.KernelRelease?.Value, kernel.Host.KernelVersion?.Value, out KernelRelease parsed) ? parsed : null;
        return Rows.FirstOrDefault(row => row.Explains(group, kernel.Host.KvmModule?.Value, release));
    }
}
