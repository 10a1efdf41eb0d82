using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Formats.Text;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>The blocks of /proc/cpuinfo (arch/x86/kernel/cpu/proc.c, show_cpuinfo): <c>name, tabs, colon, value</c>, an empty line after each.</summary>
internal sealed class CpuinfoParser(string file)
{
    private const string Advice = "take /proc/cpuinfo again, as a file";
    public List<CpuinfoProcessor> Processors { get; } = [];

    public InputFault? Parse(ReadOnlySpan<byte> bytes)
    {
        HashSet<int> numbers = [];
        LineReader lines = new(bytes);
        while (lines.TryNext(out ReadOnlySpan<byte> line))
        {
            int colon = line.IndexOf((byte)':');
            if (colon < 0)
            {
                continue;
            }

            ReadOnlySpan<byte> name = line[..colon].Trim(" \t"u8);
            ReadOnlySpan<byte> value = line[(colon + 1)..].Trim(" \t"u8);
            if ((name.SequenceEqual("processor"u8) ? Begin(value, numbers, out string? expected) : Keep(name, value, lines.Line, out expected)) is false)
            {
                return new InputFault(file, expected!, Printable.Quote(Encoding.Latin1.GetString(line)), Advice) { Line = lines.Line, ByteOffset = lines.Offset };
            }
        }

        return Processors.Count > 0
            ? null
            : new InputFault(file, "the blocks of /proc/cpuinfo, each with a line 'processor'", bytes.IsEmpty ? "an empty file" : "none", Advice) { Line = 1 };
    }

    private bool Begin(ReadOnlySpan<byte> value, HashSet<int> numbers, out string? expected)
    {
        LineCursor cursor = new(value);
        expected = null;
        if (!cursor.TakeNumber(out int number) || !cursor.AtEnd || Processors.Count == RecordedCpuList.Most || !numbers.Add(number))
        {
            expected = string.Create(CultureInfo.InvariantCulture, $"the number of a processor, each once, at most {RecordedCpuList.Most} of them");
            return false;
        }

        Processors.Add(new CpuinfoProcessor(number));
        return true;
    }

    private bool Keep(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int line, out string? expected)
    {
        expected = null;
        if (FieldNames.Find(name) is not { } field)
        {
            return true;
        }

        string text = Processors is [.., CpuinfoProcessor before, _] && before.Value(field) is { } same && Ascii.Equals(value, same)
            ? same // the processors of a machine say the same, mostly
            : Encoding.Latin1.GetString(value);
        bool isFirst = Processors.Count > 0 && Processors[^1].TryAdd(field, text, line);
        expected = isFirst ? null : $"'processor' before, and '{FieldNames.Of(field)}' once for each";
        return isFirst;
    }
}
