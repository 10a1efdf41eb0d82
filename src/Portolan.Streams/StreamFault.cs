using System.Globalization;

namespace Portolan.Streams;

/// <summary>Of which kind a fault in a stream is.</summary>
public enum StreamFaultKind
{
    /// <summary>The stream ends before its end: what is there was read and is in order.</summary>
    Truncated,

    /// <summary>What stands there cannot stand there.</summary>
    Corrupt,

    /// <summary>It is a stream, and one that Portolan does not read.</summary>
    Unsupported,

    /// <summary>The input itself could not be read.</summary>
    Unreadable,
}

/// <summary>Where and why a stream was not read on.</summary>
/// <param name="Kind">Of which kind the fault is.</param>
/// <param name="Section">The section in which it is, as <c>cpu/0</c>; or the part of the stream, as <c>header</c>.</param>
/// <param name="Offset">Bytes from the stream's start.</param>
/// <param name="Expected">What the format wants there.</param>
/// <param name="Found">What stands there.</param>
public sealed record StreamFault(StreamFaultKind Kind, string Section, long Offset, string Expected, string Found)
{
    /// <summary>The fault on one line.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Words()} in {Section} at byte {Offset}: expected {Expected}, found {Found}");

    private string Words() => Kind switch
    {
        StreamFaultKind.Truncated => "truncated",
        StreamFaultKind.Corrupt => "corrupt",
        StreamFaultKind.Unsupported => "not supported",
        _ => "not readable",
    };
}
