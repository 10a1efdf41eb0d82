using System.Globalization;

namespace Portolan.Documents;

/// <summary>Why an input was not accepted: one place, what was expected there, what stands there, and what to do about it.</summary>
/// <param name="File">The file as the user named it; <c>-</c> for standard input.</param>
/// <param name="Expected">What the rule wants at this place.</param>
/// <param name="Found">What stands there.</param>
/// <param name="Advice">What the user can do.</param>
public sealed record InputFault(string File, string Expected, string Found, string Advice)
{
    /// <summary>The 1-based line, where the input has lines.</summary>
    public int? Line { get; init; }

    /// <summary>The 0-based byte offset, where the fault has one.</summary>
    public long? ByteOffset { get; init; }

    /// <summary>The place in a JSON document, as in <c>$.supportedCpuid.value[3].eax</c>.</summary>
    public string? JsonPath { get; init; }

    /// <summary>The fault on one line, without a line break whatever the input holds.</summary>
    public override string ToString()
    {
        string place = (Line, ByteOffset) switch
        {
            ({ } line, { } offset) => string.Create(CultureInfo.InvariantCulture, $", line {line}, byte {offset}"),
            ({ } line, null) => string.Create(CultureInfo.InvariantCulture, $", line {line}"),
            (null, { } offset) => string.Create(CultureInfo.InvariantCulture, $", byte {offset}"),
            _ => "",
        };
        string path = JsonPath is null ? "" : $", {JsonPath}";
        return Printable.OneLine($"{(File.Length == 0 ? "''" : File)}{place}{path}: expected {Expected}, found {Found}; {Advice}");
    }
}
