using System.Collections.Immutable;

namespace Portolan.Streams.Rewrite;

/// <summary>What a rewrite changes, for people.</summary>
/// <param name="Section">The section, as <c>cpu/0</c>.</param>
/// <param name="Place">The field or subsection.</param>
/// <param name="Before">What stood there.</param>
/// <param name="After">What stands there now; null where it is gone.</param>
public sealed record StreamChange(string Section, string Place, string Before, string? After);

/// <summary>Bytes of a stream that a rewrite replaces.</summary>
/// <param name="Offset">Bytes from the stream's start.</param>
/// <param name="Removed">Bytes that go.</param>
/// <param name="Inserted">Bytes that come.</param>
public sealed record StreamEdit(long Offset, int Removed, ImmutableArray<byte> Inserted);

/// <summary>What a rewrite does, or why it does not.</summary>
/// <param name="Edits">The edits by offset, without overlap.</param>
/// <param name="Changes">What they mean.</param>
/// <param name="Refusal">Why the rewrite is refused; null if it is not.</param>
public sealed record RewritePlan(ImmutableArray<StreamEdit> Edits, ImmutableArray<StreamChange> Changes, string? Refusal)
{
    /// <summary>Would more force let it through? What is inside the contract may be removed by force; what makes no sense may not.</summary>
    public bool MayBeForced { get; init; }
}
