using System.Collections.Immutable;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>Why two hosts differ in a fact.</summary>
/// <param name="Causes">
/// The causes, in the order of <see cref="Cause"/>. Where it is certain and there are several, they act together; where it is not,
/// they are candidates.
/// </param>
/// <param name="Certainty">How sure that is.</param>
/// <param name="Because">The reasoning, in a sentence for people.</param>
/// <param name="Source">The row's source that decides; null where no row does.</param>
public sealed record Attribution(ImmutableArray<Cause> Causes, Certainty Certainty, string Because, string? Source = null)
{
    /// <summary>Causes and certainty in a few words: <c>kernel</c>, <c>likely microcode</c>, <c>kernel or configuration</c>, <c>unknown</c>.</summary>
    public string Words
    {
        get
        {
            string[] names = [.. Causes.Select(AttributionWords.Of)];
            return (names.Length, Certainty) switch
            {
                (0, _) => AttributionWords.Of(Certainty.Unknown),
                (_, Certainty.Certain) => string.Join(" and ", names),
                (_, Certainty.Likely) => $"likely {string.Join(" or ", names)}",
                _ => names.Length == 1 ? $"perhaps {names[0]}" : string.Join(" or ", names),
            };
        }
    }

    /// <inheritdoc/>
    public bool Equals(Attribution? other)
        => other is not null && Certainty == other.Certainty && Because == other.Because && Source == other.Source && Causes.SequenceEqual(other.Causes);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Certainty, Because, Source, Causes.Length);

    internal static Attribution Of(Certainty certainty, string because, string? source, params IEnumerable<Cause> causes)
        => new([.. causes.Distinct().Order()], certainty, because, source);
}

/// <summary>One difference of two hosts with its attribution.</summary>
/// <param name="Difference">The difference.</param>
/// <param name="Attribution">Why.</param>
public sealed record AttributedDifference(SnapshotDifference Difference, Attribution Attribution);

/// <summary>The words of causes and certainties, as text and JSON say them.</summary>
public static class AttributionWords
{
    /// <summary>The word of a cause.</summary>
    public static string Of(Cause cause) => cause switch
    {
        Cause.Hardware => "hardware",
        Cause.Microcode => "microcode",
        Cause.Kernel => "kernel",
        Cause.Vmm => "vmm",
        Cause.Configuration => "configuration",
        _ => throw new ArgumentOutOfRangeException(nameof(cause)),
    };

    /// <summary>The word of a certainty.</summary>
    public static string Of(Certainty certainty) => certainty switch
    {
        Certainty.Certain => "certain",
        Certainty.Likely => "likely",
        Certainty.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(certainty)),
    };
}
