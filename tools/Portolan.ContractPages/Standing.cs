using Portolan.Documents.Records;

namespace Portolan.ContractPages;

/// <summary>How a kernel stands to a clause.</summary>
internal enum StandingKind
{
    /// <summary>Every case that this kernel can show was as the clause demands.</summary>
    Shown,

    /// <summary>A case deviates, as is known of such kernels.</summary>
    Deviates,

    /// <summary>A case failed, and nobody knows why.</summary>
    Fails,

    /// <summary>No case can be decided there.</summary>
    NotDecidable,
}

/// <summary>A kernel's results in the cases that decide one clause.</summary>
/// <param name="Record">The kernel.</param>
/// <param name="Cases">The results, by case id; at least one.</param>
internal sealed record Standing(KernelRecord Record, IReadOnlyList<RecordedCase> Cases)
{
    /// <summary>The worst result that was decided stands for all.</summary>
    public StandingKind Kind
        => Any(RecordedOutcome.Fail) ? StandingKind.Fails
            : Any(RecordedOutcome.Deviation) ? StandingKind.Deviates
            : Any(RecordedOutcome.Pass) ? StandingKind.Shown
            : StandingKind.NotDecidable;

    /// <summary>The word that tables have for it.</summary>
    public string Word => Kind switch
    {
        StandingKind.Shown => "shown",
        StandingKind.Deviates => "**deviates**",
        StandingKind.Fails => "**fails**",
        _ => "not here",
    };

    /// <summary>Why it deviates, or cannot be decided: each reason once.</summary>
    public IEnumerable<string> Reasons => Cases
        .Where(one => one.Outcome == (Kind == StandingKind.Deviates ? RecordedOutcome.Deviation : RecordedOutcome.NotDecidable))
        .Select(static one => one.Reason ?? "")
        .Distinct(StringComparer.Ordinal);

    private bool Any(RecordedOutcome outcome) => Cases.Any(one => one.Outcome == outcome);
}
