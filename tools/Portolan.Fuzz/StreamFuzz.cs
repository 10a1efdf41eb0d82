using System.Collections.Immutable;
using Portolan.Documents;
using Portolan.Streams;
using Portolan.Streams.Cpu;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Rewrite;
using Portolan.Streams.Sections;
using Portolan.Testing;
using Portolan.X86.Xsave;

namespace Portolan.Fuzz;

/// <summary>Migration streams: walked with and without their description, their vCPUs rebuilt, a rewrite planned.</summary>
internal static class StreamFuzz
{
    private const string Folder = "qemu-streams";

    private static readonly XsaveLayout Layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new XFeatureMask(0x602ff))!;

    /// <summary>The tests' own streams and save images; and the recorded streams without most of their pages, where they are.</summary>
    public static IReadOnlyList<byte[]> Seeds()
        => [
            .. FuzzSeeds.In("Portolan.Streams.Tests", "Seeds", ""),
            .. Directory.Exists(Path.Combine(Repository.Root, "..", "shared", "data", Folder)) ? RecordedStreams.Names().Select(RecordedStreams.WithFewPages) : [],
        ];

    /// <summary>Reads an input; the fault where it is refused.</summary>
    public static InputFault? Parse(byte[] bytes)
    {
        if (StreamFile.Open(new MemoryStream(bytes), out StreamFault? unopened) is not { } file)
        {
            return Told(unopened!);
        }

        StreamReading reading = MigrationStreamReader.Read(file.Body, new StreamReadOptions { ReadsForwards = bytes.Length % 2 == 0 });
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(reading.Stream, out StreamFault? undecoded);
        foreach (StreamVcpu vcpu in vcpus)
        {
            vcpu.ToState(Layout);
        }

        _ = StreamVersion.AtLeast(reading.Stream, vcpus);
        if (reading is { Ok: true, Stream.Description: { } description } && !vcpus.IsEmpty && file.Compression == SaveCompression.Raw)
        {
            // A subsection that every recorded stream has: what is cut out of the description must be there.
            RewriteRequest request = new() { Drops = ["cpu/tsc_khz"], Force = true };
            _ = RewritePlanner.Plan(reading.Stream, vcpus, bytes.AsMemory((int)(file.StreamOffset + description.Offset), description.Length), request);
        }

        return (reading.Fault ?? undecoded) is { } fault ? Told(fault) : null;
    }

    private static InputFault Told(StreamFault fault)
        => new("fuzz", fault.Expected, $"{fault.Found}, in {fault.Section}", "check the file") { ByteOffset = fault.Offset };
}
