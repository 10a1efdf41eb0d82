using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Formats.Text;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.CpuidRaw;

/// <summary>The lines of a dump: <c>CPU 0:</c> or <c>CPU:</c>, then <c>0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…</c>.</summary>
internal sealed class CpuidRawParser(string file)
{
    private const int LongestLine = 256;
    private const string Advice = "write the dump again with 'cpuid -r' or 'cpuid -1r'";

    public RecordedCpuList Cpus { get; } = new();

    public InputFault? Parse(ReadOnlySpan<byte> bytes)
    {
        LineReader lines = new(bytes);
        while (lines.TryNext(out ReadOnlySpan<byte> line))
        {
            if (ParseLine(line) is { } wrong)
            {
                return new InputFault(file, wrong.Expected, wrong.Found, wrong.Advice) { Line = lines.Line, ByteOffset = lines.Offset };
            }
        }

        return Cpus.Filled.Count > 0
            ? null
            : new InputFault(file, "CPUID lines as 'cpuid -r' writes them", bytes.IsEmpty ? "an empty file" : "none", Advice) { Line = Math.Max(lines.Line, 1) };
    }

    private LineFault? ParseLine(ReadOnlySpan<byte> line)
    {
        if (line.Length > LongestLine)
        {
            return new LineFault("a line of a dump", string.Create(CultureInfo.InvariantCulture, $"a line of {line.Length} bytes"), Advice);
        }

        if (line.ContainsAnyExceptInRange((byte)'\t', (byte)'~'))
        {
            return new LineFault("ASCII text", Quote(line), Advice);
        }

        ReadOnlySpan<byte> text = line.Trim(" \t"u8);
        return text.IsEmpty ? null : text.StartsWith("CPU"u8) ? ParseHeader(text) : ParseRow(text);
    }

    private LineFault? ParseHeader(ReadOnlySpan<byte> text)
    {
        LineCursor cursor = new(text[3..]);
        int? number = null;
        cursor.SkipBlanks();
        if (cursor.TakeNumber(out int read))
        {
            number = read;
        }

        if (!cursor.Take(':') || !cursor.AtEnd)
        {
            return new LineFault("'CPU:' or 'CPU N:'", Quote(text), Advice);
        }

        if (number is { } known && Cpus.Contains(known))
        {
            return new LineFault("each CPU once", $"{Quote(text)} a second time", "keep one dump per file");
        }

        if (Cpus.IsFull)
        {
            return new LineFault(string.Create(CultureInfo.InvariantCulture, $"at most {RecordedCpuList.Most} CPUs"), "more", "keep one dump per file");
        }

        Cpus.Enter(number);
        return null;
    }

    private LineFault? ParseRow(ReadOnlySpan<byte> text)
    {
        LineCursor cursor = new(text);
        CpuidValues values = default;
        uint subleaf = 0;
        bool wellFormed = TakeWord(ref cursor, out uint leaf) && cursor.Rest is [(byte)' ' or (byte)'\t', ..];
        cursor.SkipBlanks();
        wellFormed = wellFormed
            && TakeWord(ref cursor, out subleaf) && cursor.Take(':')
            && TakeRegister(ref cursor, "eax="u8, CpuidRegister.Eax, ref values)
            && TakeRegister(ref cursor, "ebx="u8, CpuidRegister.Ebx, ref values)
            && TakeRegister(ref cursor, "ecx="u8, CpuidRegister.Ecx, ref values)
            && TakeRegister(ref cursor, "edx="u8, CpuidRegister.Edx, ref values)
            && cursor.AtEnd;
        if (!wellFormed)
        {
            return new LineFault("'0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…'", Quote(text), Advice);
        }

        RecordedCpu cpu = Cpus.Current ?? Cpus.Enter(null);
        CpuidAddress address = new(leaf, subleaf);
        return cpu.TryAdd(address, values, out _)
            ? null
            : new LineFault("each leaf and subleaf once for a CPU", $"{address} a second time", "keep one dump per file, and remove one of the two lines");
    }

    private static bool TakeRegister(ref LineCursor cursor, ReadOnlySpan<byte> name, CpuidRegister register, ref CpuidValues values)
    {
        cursor.SkipBlanks();
        if (!cursor.Take(name) || !TakeWord(ref cursor, out uint value))
        {
            return false;
        }

        values = values.With(register, value);
        return true;
    }

    private static bool TakeWord(ref LineCursor cursor, out uint value)
    {
        value = 0;
        return cursor.Take("0x"u8) && cursor.TakeHex(8, out value);
    }

    private static string Quote(ReadOnlySpan<byte> text) => Printable.Quote(Encoding.Latin1.GetString(text));
}
