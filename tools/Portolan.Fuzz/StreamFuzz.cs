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

    /// <summary>The recorded streams without most of their pages; a stream without devices where they are missing.</summary>
    public static IReadOnlyList<byte[]> Seeds()
        => Directory.Exists(Path.Combine(Repository.Root, "..", "shared", "data", Folder))
            ? [.. RecordedStreams.Names().Select(RecordedStreams.WithFewPages)]
            : [[.. "QEVM"u8, 0, 0, 0, 3, 7, 0, 0, 0, 10, .. "pc-q35-9.0"u8, 0]];

    /// <summary>Reads an input; the fault where it is refused.</summary>
    public static InputFault? Parse(byte[] bytes)
    {
        StreamReading reading = StreamFile.Read(new MemoryStream(bytes), new StreamReadOptions { ReadsForwards = bytes.Length % 2 == 0 });
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(reading.Stream, out StreamFault? undecoded);
        foreach (StreamVcpu vcpu in vcpus)
        {
            vcpu.ToState(Layout);
        }

        _ = StreamVersion.AtLeast(reading.Stream, vcpus);
        if (reading is { Ok: true, Stream.Description: { } description } && !vcpus.IsEmpty)
        {
            // A subsection that every recorded stream has: what is cut out of the description must be there.
            RewriteRequest request = new() { Drops = ["cpu/tsc_khz"], Force = true };
            _ = RewritePlanner.Plan(reading.Stream, vcpus, bytes.AsMemory((int)description.Offset, description.Length), request);
        }

        return (reading.Fault ?? undecoded) is { } fault
            ? new InputFault("fuzz", fault.Expected, $"{fault.Found}, in {fault.Section}", "check the file") { ByteOffset = fault.Offset }
            : null;
    }
}
