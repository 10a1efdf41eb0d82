using System.Collections.Immutable;
using System.Globalization;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>One thing that two streams do not have alike.</summary>
/// <param name="Section">The section, as <c>cpu/0</c>; or the part of the stream.</param>
/// <param name="Place">The field.</param>
/// <param name="Left">The first stream's value; null where it has none.</param>
/// <param name="Right">The second stream's value; null where it has none.</param>
/// <param name="Meaning">What the difference means, where that is known: components, an MSR.</param>
internal sealed record StreamDifference(string Section, string Place, string? Left, string? Right, string? Meaning = null);

/// <summary>Compares two streams: what they say, not where it stands.</summary>
internal static class StreamDifferences
{
    public static ImmutableArray<StreamDifference> Of(StreamInput left, StreamInput right, Predicate<string> asked)
    {
        List<StreamDifference> found = [];
        Configuration(left.Stream, right.Stream, found);
        Ram(left.Stream.Ram, right.Stream.Ram, found);
        Dictionary<string, StreamSection> there = [];
        foreach (StreamSection section in Devices(right.Stream))
        {
            there.TryAdd(section.Title, section);
        }

        foreach (StreamSection section in Devices(left.Stream).DistinctBy(static section => section.Title))
        {
            if (!asked(section.Name))
            {
                there.Remove(section.Title);
            }
            else if (there.Remove(section.Title, out StreamSection? other))
            {
                Section(left.Stream, section, right.Stream, other, found);
            }
            else
            {
                found.Add(new StreamDifference(section.Title, "section", "there", null));
            }
        }

        found.AddRange(there.Values.Where(section => asked(section.Name)).Select(static section => new StreamDifference(section.Title, "section", null, "there")));
        return [.. found];
    }

    private static IEnumerable<StreamSection> Devices(MigrationStream stream) => stream.Sections.Where(static section => section.Kind == SectionKind.Full);

    private static void Configuration(MigrationStream left, MigrationStream right, List<StreamDifference> found)
    {
        Differ(found, "configuration", "machine type", left.Configuration?.MachineType, right.Configuration?.MachineType);
        Differ(found, "configuration", "capabilities", Joined(left), Joined(right));
    }

    private static string Joined(MigrationStream stream) => string.Join(", ", stream.Configuration?.Capabilities ?? []);

    private static void Ram(RamContents? left, RamContents? right, List<StreamDifference> found)
    {
        Dictionary<string, RamBlock> there = (right?.Blocks ?? []).ToDictionary(static block => block.Name, StringComparer.Ordinal);
        foreach (RamBlock block in left?.Blocks ?? [])
        {
            there.Remove(block.Name, out RamBlock? other);
            Differ(found, "ram", $"{block.Name}, length", N(block.Length), other is null ? null : N(other.Length));
        }

        found.AddRange(there.Values.Select(static block => new StreamDifference("ram", $"{block.Name}, length", null, N(block.Length))));
    }

    private static void Section(MigrationStream leftStream, StreamSection left, MigrationStream rightStream, StreamSection right, List<StreamDifference> found)
    {
        Differ(found, left.Title, "version", N(left.Version), N(right.Version));
        SectionFields? a = SectionFields.Of(leftStream, left, out _);
        SectionFields? b = SectionFields.Of(rightStream, right, out _);
        if (a is null || b is null)
        {
            bool same = left.Content is { } one && right.Content is { } other ? one.Span.SequenceEqual(other.Span) : left.ContentLength == right.ContentLength;
            if (!same)
            {
                found.Add(new StreamDifference(left.Title, "content, which nothing describes", $"{N((ulong)left.ContentLength)} bytes", $"{N((ulong)right.ContentLength)} bytes"));
            }

            return;
        }

        Fields(a, b, found);
    }

    private static void Fields(SectionFields left, SectionFields right, List<StreamDifference> found)
    {
        Dictionary<string, StreamLeaf> there = new(StringComparer.Ordinal);
        foreach (StreamLeaf leaf in StreamLeaf.Of(right.Root))
        {
            there.TryAdd(leaf.Name, leaf);
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (StreamLeaf leaf in StreamLeaf.Of(left.Root).Where(leaf => seen.Add(leaf.Name)))
        {
            there.Remove(leaf.Name, out StreamLeaf? other);
            if (other is null || !Value(left, leaf).SequenceEqual(Value(right, other)))
            {
                found.Add(new StreamDifference(left.Section.Title, leaf.Name, Text(left, leaf), other is null ? null : Text(right, other), Meaning(left, leaf, right, other)));
            }
        }

        found.AddRange(there.Values.OrderBy(static leaf => leaf.Offset).Select(leaf => new StreamDifference(left.Section.Title, leaf.Name, null, Text(right, leaf), Meaning(null, null, right, leaf))));
    }

    private static ReadOnlySpan<byte> Value(SectionFields section, StreamLeaf leaf) => section.Content.Slice(leaf.Offset, leaf.Size);

    private static string Text(SectionFields section, StreamLeaf leaf)
        => leaf.IsNumber ? VcpuWords.Hex(leaf.Number(section.Content), leaf.Size) : FieldWords.Bytes(Value(section, leaf));

    /// <summary>Components by name, an MSR by the SDM's name.</summary>
    private static string? Meaning(SectionFields? left, StreamLeaf? mine, SectionFields right, StreamLeaf? theirs)
    {
        StreamLeaf leaf = (mine ?? theirs)!;
        if (leaf.Path is "env.xstate_bv" or "env.xcr0" && mine is not null && theirs is not null)
        {
            XFeatureMask a = new(mine.Number(left!.Content));
            XFeatureMask b = new(theirs.Number(right.Content));
            return $"only left: {XFeatureTable.Names(a.Except(b))}; only right: {XFeatureTable.Names(b.Except(a))}";
        }

        string vmstate = leaf.Subsection.Length == 0 ? "cpu" : leaf.Subsection;
        int bracket = leaf.Path.LastIndexOf('[');
        string field = leaf.Field.Count is null || bracket < 0 ? leaf.Path : leaf.Path[..bracket];
        if (!CpuVmstates.TryFindField(vmstate, field, out VmstateFieldRow? row) || row.Msrs.IsEmpty || row.Struct is not null)
        {
            return null;
        }

        int index = leaf.Field.Count is null ? 0 : (leaf.Offset - leaf.Field.Offset) / leaf.Field.ElementSize;
        return index < row.Msrs.Length ? KnownMsrs.Describe(row.Msrs[index]) : null;
    }

    private static void Differ(List<StreamDifference> found, string section, string place, string? left, string? right)
    {
        if (left != right)
        {
            found.Add(new StreamDifference(section, place, left, right));
        }
    }

    private static string N(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
