using System.Collections.Concurrent;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.Testing;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Tests;

/// <summary>Damaged streams end in a fault with section and offset or in a stream, never in a crash, a hang, or much memory.</summary>
public sealed class MutationTests
{
    private const int Mutations = 2000;
    private const long MemoryBound = 64 << 20;

    [Fact]
    public void Two_thousand_mutations_give_a_stream_or_a_fault_with_its_place()
    {
        byte[][] originals = [.. RecordedStreams.Names().Select(RecordedStreams.WithFewPages)];
        Assert.All(originals, static original => Assert.True(MigrationStreamReader.Read(new MemoryStream(original)).Ok));
        ConcurrentDictionary<StreamFaultKind, int> faults = [];
        Parallel.For(0, Mutations, seed =>
        {
            byte[] bytes = MutatedStreams.Mutate(originals[seed % originals.Length], seed);
            StreamReadOptions options = new() { ReadsForwards = seed % 3 == 0 };
            long before = GC.GetAllocatedBytesForCurrentThread();
            StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes), options);
            DecodeAll(reading.Stream);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MemoryBound);
            if (reading.Fault is { } fault)
            {
                faults.AddOrUpdate(fault.Kind, 1, static (_, count) => count + 1);
                Assert.InRange(fault.Offset, 0, bytes.Length);
                Assert.NotEmpty(fault.Section);
                Assert.NotEmpty(fault.Expected);
                Assert.NotEmpty(fault.Found);
            }
            else
            {
                Assert.Equal(bytes.Length, reading.Stream.Length);
            }
        });

        Assert.True(faults.GetValueOrDefault(StreamFaultKind.Truncated) > 100, "too few mutations were found truncated");
        Assert.True(faults.GetValueOrDefault(StreamFaultKind.Corrupt) > 100, "too few mutations were found corrupt");
    }

    private static void DecodeAll(MigrationStream stream)
    {
        XsaveLayout layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new XFeatureMask(0x602ff))!;
        foreach (StreamVcpu vcpu in StreamVcpu.All(stream, out _))
        {
            vcpu.ToState(layout);
        }

        foreach (StreamSection section in stream.Sections.Where(static section => section.Content is not null))
        {
            if (CpuVmstates.TryFind(section.Name, out Vmstate? table))
            {
                FieldDecoder.Decode(table, section.Version, section.Content!.Value.Span, out _);
            }

            if (stream.Description?.Find(section.Name, section.Instance) is { } described)
            {
                FieldDecoder.Decode(described.Vmstate, section.Version, section.Content!.Value.Span, out _);
            }
        }
    }
}
