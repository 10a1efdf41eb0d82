using System.Globalization;
using System.Text.RegularExpressions;

namespace Portolan.Testing;

/// <summary>
/// The transcripts of ../shared/data/kernel-observations. A guest console carried them, so the kernel's own log lines stand in
/// the middle of other lines; reading takes those out again.
/// </summary>
public static partial class KernelObservations
{
    /// <summary>The lines of one transcript, without the kernel's log.</summary>
    public static IReadOnlyList<string> Lines(string name)
        => Undisturbed(File.ReadAllText(Repository.SharedData(Path.Combine("kernel-observations", name))));

    /// <summary>The text's lines after every kernel log line, with its line feed, was taken out.</summary>
    public static IReadOnlyList<string> Undisturbed(string text) => LogLine().Replace(text, "").Split('\n');

    /// <summary>The MSR values of lines <c>  PREFIX MSR index=value</c>, both hexadecimal.</summary>
    public static IEnumerable<(uint Index, ulong Value)> Msrs(string name, string prefix)
    {
        string start = $"  {prefix} MSR ";
        foreach (string line in Lines(name).Where(line => line.StartsWith(start, StringComparison.Ordinal)))
        {
            string[] sides = line[start.Length..].Split(' ')[0].Split('=');
            yield return (uint.Parse(sides[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), Hex(sides[1]));
        }
    }

    /// <summary>The <c>SET_MSRS index=value rc=count</c> lines, in order.</summary>
    public static IEnumerable<(uint Index, ulong Value, bool Accepted)> SetMsrs(string name)
        => Lines(name).Select(line => SetMsrsLine().Match(line)).Where(match => match.Success).Select(match => (
            uint.Parse(match.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            Hex(match.Groups[2].Value),
            match.Groups[3].Value == "1"));

    /// <summary>
    /// The VMX capability MSRs as the guest and the host read them, under each configuration line
    /// <c>CFG name hvcpuid=n cap=n …</c>; null where the guest took a #GP.
    /// </summary>
    public static IEnumerable<EvmcsReading> EvmcsReadings(string name)
    {
        Match? configuration = null;
        foreach (string line in Lines(name))
        {
            if (ConfigurationLine().Match(line) is { Success: true } found)
            {
                configuration = found;
            }
            else if (configuration is not null && ReadingLine().Match(line) is { Success: true } reading)
            {
                yield return new EvmcsReading(
                    configuration.Groups[1].Value,
                    int.Parse(configuration.Groups[2].Value, CultureInfo.InvariantCulture),
                    configuration.Groups[3].Value == "1",
                    uint.Parse(reading.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                    Optional(reading.Groups[2].Value),
                    Optional(reading.Groups[3].Value));
            }
        }
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static ulong? Optional(string text) => text.Length == 0 ? null : Hex(text);

    [GeneratedRegex(@"\[ *\d+\.\d{6}\] [^\n]*\n")]
    private static partial Regex LogLine();

    [GeneratedRegex("^  SET_MSRS ([0-9a-f]+)=([0-9a-f]{16}) rc=([01]) ")]
    private static partial Regex SetMsrsLine();

    [GeneratedRegex(@"^CFG (\S+) hvcpuid=(\d) cap=([01]) ")]
    private static partial Regex ConfigurationLine();

    [GeneratedRegex("^  ([0-9a-f]{3}) guest=(?:#GP|([0-9a-f]{16})) host(?:_rc=0|=([0-9a-f]{16}))")]
    private static partial Regex ReadingLine();
}
