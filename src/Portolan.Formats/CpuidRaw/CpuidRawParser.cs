using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.CpuidRaw;

/// <summary>The lines of a dump: <c>CPU 0:</c> or <c>CPU:</c>, then <c>0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…</c>.</summary>
internal sealed class CpuidRawParser(string file)
{
    private const int LongestLine = 256;
    private const string Advice = "write the dump again with 'cpuid -r' or 'cpuid -1r'";
    private static readonly string[] Registers = ["eax=", "ebx=", "ecx=", "edx="];

    public List<CpuidRawCpu> Cpus { get; } = [];

    public InputFault? Parse(ReadOnlySpan<byte> bytes)
    {
        int line = 0;
        int offset = 0;
        ReadOnlySpan<byte> rest = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        offset += bytes.Length - rest.Length;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> raw = end < 0 ? rest : rest[..end];
            line++;
            if (ParseLine(raw) is { } wrong)
            {
                return new InputFault(file, wrong.Expected, wrong.Found, wrong.Advice) { Line = line, ByteOffset = offset };
            }

            int taken = end < 0 ? rest.Length : end + 1;
            offset += taken;
            rest = rest[taken..];
        }

        Cpus.RemoveAll(static cpu => cpu.IsEmpty);
        return Cpus.Count > 0
            ? null
            : new InputFault(file, "CPUID lines as 'cpuid -r' writes them", bytes.IsEmpty ? "an empty file" : "none", Advice) { Line = Math.Max(line, 1) };
    }

    private Wrong? ParseLine(ReadOnlySpan<byte> raw)
    {
        if (raw.Length > LongestLine)
        {
            return new Wrong("a line of a dump", string.Create(CultureInfo.InvariantCulture, $"a line of {raw.Length} bytes"), Advice);
        }

        if (raw.ContainsAnyExceptInRange((byte)'\t', (byte)'~'))
        {
            return new Wrong("ASCII text", Printable.Quote(Encoding.Latin1.GetString(raw)), Advice);
        }

        string text = Encoding.ASCII.GetString(raw).Trim();
        if (text.Length == 0)
        {
            return null;
        }

        return text.StartsWith("CPU", StringComparison.Ordinal) ? ParseHeader(text) : ParseRow(text);
    }

    private Wrong? ParseHeader(string text)
    {
        if (text == "CPU:")
        {
            Cpus.Add(new CpuidRawCpu(null));
            return null;
        }

        if (!text.EndsWith(':') || !int.TryParse(text.AsSpan(3, text.Length - 4), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out int number))
        {
            return new Wrong("'CPU:' or 'CPU N:'", Printable.Quote(text), Advice);
        }

        if (Cpus.Exists(cpu => cpu.Number == number))
        {
            return new Wrong("each CPU once", $"{Printable.Quote(text)} a second time", "keep one dump per file");
        }

        Cpus.Add(new CpuidRawCpu(number));
        return null;
    }

    private Wrong? ParseRow(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        uint[] values = new uint[4];
        bool wellFormed = words.Length == 6 && words[1].EndsWith(':');
        uint subleaf = 0;
        wellFormed = TryWord(words[0], out uint leaf) && wellFormed && TryWord(words[1][..^1], out subleaf);
        for (int i = 0; wellFormed && i < values.Length; i++)
        {
            wellFormed = words[i + 2].StartsWith(Registers[i], StringComparison.Ordinal) && TryWord(words[i + 2][4..], out values[i]);
        }

        if (!wellFormed)
        {
            return new Wrong("'0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…'", Printable.Quote(text), Advice);
        }

        if (Cpus.Count == 0)
        {
            Cpus.Add(new CpuidRawCpu(null));
        }

        CpuidAddress address = new(leaf, subleaf);
        return Cpus[^1].TryAdd(address, new CpuidValues(values[0], values[1], values[2], values[3]))
            ? null
            : new Wrong("each leaf and subleaf once for a CPU", $"{address} a second time", "keep one dump per file, and remove one of the two lines");
    }

    private static bool TryWord(string word, out uint value)
    {
        value = 0;
        return word.Length is > 2 and <= 10
            && word.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private sealed record Wrong(string Expected, string Found, string Advice);
}
