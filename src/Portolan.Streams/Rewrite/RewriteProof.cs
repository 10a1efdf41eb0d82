using System.Collections.Immutable;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Rewrite;

/// <summary>Reads a rewritten stream again and says whether it is the old one with the planned changes and no other.</summary>
public static class RewriteProof
{
    /// <summary>What is wrong with the new stream; null where nothing is.</summary>
    /// <param name="before">The old stream.</param>
    /// <param name="old">Its vCPUs.</param>
    /// <param name="after">The new stream, read.</param>
    /// <param name="plan">What was to change.</param>
    public static string? Problem(MigrationStream before, ImmutableArray<StreamVcpu> old, StreamReading after, RewritePlan plan)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(plan);
        if (after.Fault is { } fault)
        {
            return $"the new stream does not read: {fault}";
        }

        if (!before.Sections.Select(Head).SequenceEqual(after.Stream.Sections.Select(Head)))
        {
            return "the new stream has other sections";
        }

        // The description was read with the new stream: its sections ended where it says, which the footers prove.
        if (before.Description is not null && after.Stream.CpuSections.Any(static section => section.End != SectionEnd.Description))
        {
            return "the new stream's description no longer describes its vCPUs";
        }

        ImmutableArray<StreamVcpu> now = StreamVcpu.All(after.Stream, out StreamFault? undecoded);
        return undecoded is not null ? $"the new stream's vCPU does not decode: {undecoded}"
            : !Difference(old, now).Order(StringComparer.Ordinal).SequenceEqual(Planned(old, plan).Order(StringComparer.Ordinal), StringComparer.Ordinal) ? "the new stream's fields differ in something else than was planned"
            : null;
    }

    private static (SectionKind, uint, string, uint) Head(StreamSection section) => (section.Kind, section.Id, section.Title, section.Version);

    /// <summary>The fields in which the vCPUs differ, each with its section.</summary>
    private static IEnumerable<string> Difference(ImmutableArray<StreamVcpu> old, ImmutableArray<StreamVcpu> now)
    {
        foreach ((StreamVcpu before, StreamVcpu after) in old.Zip(now))
        {
            Dictionary<string, string> values = Values(after);
            foreach ((string name, string value) in Values(before))
            {
                if (!values.Remove(name, out string? other) || other != value)
                {
                    yield return $"{before.Cpu.Section.Title} {name}";
                }
            }

            foreach (string added in values.Keys)
            {
                yield return $"{before.Cpu.Section.Title} {added}";
            }
        }
    }

    private static IEnumerable<string> Planned(ImmutableArray<StreamVcpu> old, RewritePlan plan)
        => plan.Changes.SelectMany(change => change.After is not null
            ? [$"{change.Section} {change.Place}"]
            : Values(old.Single(vcpu => vcpu.Cpu.Section.Title == change.Section)).Keys.Where(name => IsIn(name, change.Place)).Select(name => $"{change.Section} {name}"));

    /// <summary>Is a field in a subsection, or in a subsection of it?</summary>
    private static bool IsIn(string name, string subsection)
        => name.StartsWith(subsection + ":", StringComparison.Ordinal)
            || name.StartsWith(subsection + "/", StringComparison.Ordinal)
            || subsection == NestedRebuild.Subsection && name.StartsWith("cpu/kvm_nested_state", StringComparison.Ordinal)
            || subsection == "cpu/cet" && name.StartsWith("cpu/cet", StringComparison.Ordinal);

    private static Dictionary<string, string> Values(StreamVcpu vcpu)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (StreamLeaf leaf in StreamLeaf.Of(vcpu.Cpu.Root))
        {
            values.TryAdd(leaf.Name, Convert.ToHexString(vcpu.Cpu.Content.Slice(leaf.Offset, leaf.Size)));
        }

        return values;
    }
}
