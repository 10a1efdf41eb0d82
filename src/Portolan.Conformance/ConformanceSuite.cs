using System.Collections.Immutable;
using Portolan.Conformance.Cases;

namespace Portolan.Conformance;

/// <summary>Every case, and the way to run them.</summary>
public static class ConformanceSuite
{
    /// <summary>The cases, by id.</summary>
    public static ImmutableArray<ConformanceCase> Cases { get; } = [.. Everything().OrderBy(static one => one.Id, StringComparer.Ordinal)];

    /// <summary>Runs the cases whose id begins with <paramref name="prefix"/>, in their order.</summary>
    public static ConformanceReport Run(ConformanceSubject subject, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(prefix);
        return new ConformanceReport(subject, [.. Cases.Where(one => one.Id.StartsWith(prefix, StringComparison.Ordinal)).Select(one => Run(subject, one))]);
    }

    /// <summary>Runs one case.</summary>
    public static CaseResult Run(ConformanceSubject subject, ConformanceCase one)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(one);
        using CaseRun run = new(subject, one);
        return run.Take();
    }

    private static IEnumerable<ConformanceCase> Everything() =>
    [
        .. XsaveSetCases.All(), .. XsaveGetCases.All(), .. SregsCases.All(), .. MsrCases.All(), .. FeatureMsrCases.All(), .. VmxMsrCases.All(), .. EvmcsCases.All(),
        .. NestedCases.All(), .. NestedVmxCases.All(), .. NestedSvmCases.All(), .. EventCases.All(), .. MachineCases.All(), .. ChainCases.All(), .. GuestCodeCases.All(), .. XcrCases.All(), .. CpuidCases.All(),
    ];
}
