using System.Collections.Immutable;

namespace Portolan.Documents.Records;

/// <summary>What came of a case of the contract on a kernel.</summary>
public enum RecordedOutcome
{
    /// <summary>The kernel did what the clause demands.</summary>
    Pass,

    /// <summary>It did something else, and nobody knows why.</summary>
    Fail,

    /// <summary>It did something else, as is known of such kernels.</summary>
    Deviation,

    /// <summary>This kernel on this CPU cannot show it.</summary>
    NotDecidable,
}

/// <summary>The result of one case.</summary>
/// <param name="Id">The case.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Found">What was found where something else was expected; null elsewhere.</param>
/// <param name="Reason">Why it cannot be decided here, or why the kernel deviates; null elsewhere.</param>
public sealed record RecordedCase(string Id, RecordedOutcome Outcome, string? Found, string? Reason);

/// <summary>What the contract's cases found on one kernel, in short: kept as data (data/results), the pages of docs/contract are made from it.</summary>
/// <param name="Name">The host's name, as its snapshot in data/hosts is called.</param>
/// <param name="Oracle">The emulated CPU, <c>amd</c> or <c>intel</c>; null on a machine of its own.</param>
/// <param name="Cpu">The CPU's brand string.</param>
/// <param name="KernelRelease">As uname -r says it; null if unknown.</param>
/// <param name="KernelVersion">As uname -v says it; null if unknown.</param>
/// <param name="KvmModule">The vendor module; null if unknown.</param>
/// <param name="Suite">SHA-256 over the cases that the suite had.</param>
/// <param name="Cases">The results, by case id.</param>
public sealed record KernelRecord(
    string Name, string? Oracle, string Cpu, string? KernelRelease, string? KernelVersion, string? KvmModule, string Suite, ImmutableArray<RecordedCase> Cases)
{
    /// <summary>Fields that this version does not know, by their place.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>How many cases came to this.</summary>
    public int Count(RecordedOutcome outcome) => Cases.Count(one => one.Outcome == outcome);
}
