using System.Buffers;
using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Formats.Text;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Formats.InstLatx64;

/// <summary>
/// The lines of a dump. What counts: <c>CPUID LEAF: EAX-EBX-ECX-EDX [SL NN]</c>, <c>MSR INDEX: 0000-0000-0000-0000</c>, and the headings
/// that say whose they are. InstLatx64 wrote the headings in several ways over the years; every other line is for people.
/// </summary>
internal sealed class InstLatx64Parser(string file)
{
    private const string Advice = "take the file again from where it was published";

    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789ABCDEFabcdef"u8);

    private readonly Dictionary<uint, uint> _unlabelled = []; // leaf: rows of the current CPU so far that do not name their subleaf
    private RecordedCpu? _counted;
    private bool _readsMachine;
    private bool _counts;
    private int _next;

    public RecordedCpuList Cpus { get; } = new();

    /// <summary>MSRs under a heading that names no CPU.</summary>
    public RecordedCpu Machine { get; } = new(null);

    /// <summary>CPUs with rows of leaf 0DH of which the dump does not say the subleaf; what they hold is not known.</summary>
    public HashSet<RecordedCpu> WithNamelessComponents { get; } = [];

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
            : new InputFault(file, "CPUID lines as InstLatx64 writes them", bytes.IsEmpty ? "an empty file" : "none", Advice) { Line = Math.Max(lines.Line, 1) };
    }

    private LineFault? ParseLine(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("CPUID "u8))
        {
            ReadOnlySpan<byte> rest = line["CPUID "u8.Length..];
            return rest.StartsWith("Registers"u8) ? Enter(line, "#"u8)
                : rest.IndexOfAnyExcept(HexDigits) is 8 or -1 ? ParseRow(rest, line)
                : null; // "CPUID Manufacturer : …"
        }

        if (line.StartsWith("MSR "u8))
        {
            return ParseMsr(line);
        }

        if (line.StartsWith("---"u8))
        {
            _readsMachine = line.IndexOf("Logical CPU"u8) < 0;
            return _readsMachine ? null : Enter(line, "#"u8);
        }

        return line.StartsWith("CPU#"u8) ? Enter(line, "CPU#"u8) : null;
    }

    private LineFault? Enter(ReadOnlySpan<byte> line, ReadOnlySpan<byte> before)
    {
        int at = line.IndexOf(before);
        LineCursor cursor = new(at < 0 ? default : line[(at + before.Length)..]);
        if (!cursor.TakeNumber(out int number))
        {
            return new LineFault("the number of a logical CPU, as in '#0'", Quote(line), Advice);
        }

        if (Cpus.IsFull && !Cpus.Contains(number))
        {
            return TooMany();
        }

        _counts = false;
        Cpus.Enter(number);
        return null;
    }

    /// <summary>A dump without headings: each leaf 0 begins the next CPU.</summary>
    private bool TryEnterNext()
    {
        _counts = true;
        if (Cpus.IsFull)
        {
            return false;
        }

        Cpus.Enter(_next++);
        return true;
    }

    private static LineFault TooMany()
        => new(string.Create(CultureInfo.InvariantCulture, $"at most {RecordedCpuList.Most} CPUs"), "more", "keep one dump per file");

    private LineFault? ParseRow(ReadOnlySpan<byte> row, ReadOnlySpan<byte> line)
    {
        LineCursor cursor = new(row);
        uint ebx = 0;
        uint ecx = 0;
        uint edx = 0;
        bool wellFormed = cursor.TakeHex(8, out uint leaf);
        _ = cursor.Take(':');
        cursor.SkipBlanks();
        wellFormed = cursor.TakeHex(8, out uint eax) && wellFormed
            && cursor.Take('-') && cursor.TakeHex(8, out ebx)
            && cursor.Take('-') && cursor.TakeHex(8, out ecx)
            && cursor.Take('-') && cursor.TakeHex(8, out edx);
        cursor.SkipBlanks();
        bool labelled = cursor.Take("[SL "u8);
        uint subleaf = 0;
        if (!wellFormed || (labelled && !(cursor.TakeHex(8, out subleaf) && cursor.Take(']'))))
        {
            return new LineFault("'CPUID LEAF: EAX-EBX-ECX-EDX', eight hexadecimal digits each, and '[SL NN]' where it has subleaves", Quote(line), Advice);
        }

        if ((Cpus.Current is null || (_counts && leaf == 0 && subleaf == 0 && !Cpus.Current.IsEmpty)) && !TryEnterNext())
        {
            return TooMany();
        }

        RecordedCpu cpu = Cpus.Current!;
        if (!labelled && !TryNumber(cpu, leaf, out subleaf))
        {
            return null;
        }

        return cpu.TryAdd(new CpuidAddress(leaf, subleaf), new CpuidValues(eax, ebx, ecx, edx), out bool same) || same
            ? null
            : new LineFault("each leaf and subleaf once for a CPU", $"{new CpuidAddress(leaf, subleaf)} a second time, with other values", "keep one dump per file");
    }

    /// <summary>
    /// Older dumps list subleaves one after the other without their numbers. Those of leaf 0DH have gaps: from the second on it is not
    /// known which they are.
    /// </summary>
    private bool TryNumber(RecordedCpu cpu, uint leaf, out uint subleaf)
    {
        if (!ReferenceEquals(cpu, _counted))
        {
            _unlabelled.Clear();
            _counted = cpu;
        }

        subleaf = _unlabelled.GetValueOrDefault(leaf);
        if (!RecordedLeaves.IsIndexed(leaf))
        {
            return true;
        }

        _unlabelled[leaf] = subleaf + 1;
        if (leaf == XsaveLeaf.Leaf && subleaf > 0)
        {
            WithNamelessComponents.Add(cpu);
            return false;
        }

        return true;
    }

    private LineFault? ParseMsr(ReadOnlySpan<byte> line)
    {
        LineCursor cursor = new(line["MSR "u8.Length..]);
        bool wellFormed = cursor.TakeHex(8, out uint index) && cursor.Take(':');
        cursor.SkipBlanks();
        if (wellFormed && cursor.Take('<'))
        {
            return null; // the processor refused to tell
        }

        ulong value = 0;
        for (int i = 0; wellFormed && i < 4; i++)
        {
            wellFormed = (i == 0 || cursor.Take('-')) & cursor.TakeHex(4, out uint part);
            value = (value << 16) | part;
        }

        if (!wellFormed)
        {
            return new LineFault("'MSR INDEX: 0000-0000-0000-0000', or '< FAILED >' behind the index", Quote(line), Advice);
        }

        (_readsMachine ? Machine : Cpus.Current ?? Machine).AddMsr(index, value);
        return null;
    }

    private static string Quote(ReadOnlySpan<byte> text) => Printable.Quote(Encoding.Latin1.GetString(text));
}
