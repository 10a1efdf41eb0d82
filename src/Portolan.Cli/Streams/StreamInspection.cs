using System.Collections.Immutable;
using Portolan.Documents;
using Portolan.Streams;
using Portolan.Streams.Cpu;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>What an inspection found, for text and JSON alike.</summary>
/// <param name="Input">The file.</param>
/// <param name="Vcpus">Its vCPUs.</param>
/// <param name="Shown">The sections whose fields were asked for.</param>
/// <param name="Undecoded">Sections that were asked for and have no description.</param>
internal sealed record StreamInspection(
    StreamInput Input, ImmutableArray<StreamVcpu> Vcpus, ImmutableArray<SectionFields> Shown, ImmutableArray<StreamSection> Undecoded)
{
    public MigrationStream Stream => Input.Stream;

    /// <summary>Why the file was not read whole, or a vCPU not decoded.</summary>
    public InputFault? Fault { get; init; }

    /// <summary>A section that was asked for and is not there.</summary>
    public string? NotThere { get; init; }

    /// <summary>The oldest QEMU that can have written the stream, and by what that is known.</summary>
    public (QemuRelease Release, string By)? Qemu => StreamVersion.AtLeast(Stream, Vcpus);

    /// <summary>The sections' names.</summary>
    public IEnumerable<string> Names => Stream.Sections.Select(static section => section.Name).Distinct().Order(StringComparer.Ordinal);

    public static StreamInspection Of(StreamInput input, IReadOnlyList<string> asked)
    {
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(input.Stream, out StreamFault? fault);
        ImmutableArray<SectionFields>.Builder shown = ImmutableArray.CreateBuilder<SectionFields>();
        ImmutableArray<StreamSection>.Builder undecoded = ImmutableArray.CreateBuilder<StreamSection>();
        string? notThere = null;
        foreach (string name in asked)
        {
            StreamSection[] found = [.. input.Stream.Sections.Where(section => section.Name == name || section.Title == name)];
            notThere ??= found.Length == 0 && input.Fault is null ? name : null;
            foreach (StreamSection section in found)
            {
                if (SectionFields.Of(input.Stream, section, out _) is { } fields)
                {
                    shown.Add(fields);
                }
                else
                {
                    undecoded.Add(section);
                }
            }
        }

        return new StreamInspection(input, vcpus, shown.ToImmutable(), undecoded.ToImmutable())
        {
            Fault = input.Fault ?? (fault is null ? null : StreamInput.FaultOf(input.Name, fault)),
            NotThere = notThere,
        };
    }
}
