using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.Testing;

namespace Portolan.Streams.Tests.Sections;

/// <summary>Every recorded stream is walked whole, with its description and without.</summary>
public sealed class RecordedStreamTests
{
    [Fact]
    public void Every_recorded_stream_reads_whole()
    {
        Assert.NotEmpty(RecordedStreams.Names());
        foreach (string name in RecordedStreams.Names())
        {
            byte[] bytes = RecordedStreams.Read(name);
            StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes));

            Assert.True(reading.Ok, $"{name}: {reading.Fault}");
            MigrationStream stream = reading.Stream;
            Assert.Equal(bytes.Length, stream.Length);
            Assert.Equal(0, stream.TrailingBytes);
            Assert.StartsWith("pc-q35-", stream.Configuration!.MachineType, StringComparison.Ordinal);
            Assert.NotNull(stream.Description);
            Assert.NotEmpty(stream.CpuSections);
            Assert.Contains(stream.Ram!.Blocks, static block => block is { Name: "pc.ram", Pages: > 0, ZeroPages: > 0 });
            Assert.Equal(stream.Description.Devices.Length, stream.Sections.Count(static section => section.Kind == SectionKind.Full));
            Assert.All(stream.Sections.Where(static section => section.Kind == SectionKind.Full), static section => Assert.Equal(SectionEnd.Description, section.End));
        }
    }

    [Fact]
    public void Without_its_description_every_section_ends_where_the_description_says()
    {
        foreach (string name in RecordedStreams.Names())
        {
            byte[] bytes = RecordedStreams.Read(name);
            StreamReading told = MigrationStreamReader.Read(new MemoryStream(bytes));
            StreamReading forwards = MigrationStreamReader.Read(new MemoryStream(bytes), new StreamReadOptions { ReadsForwards = true });

            Assert.True(forwards.Ok, $"{name}: {forwards.Fault}");
            Assert.Equal(
                told.Stream.Sections.Select(static section => (section.Title, section.Offset, section.ContentLength)),
                forwards.Stream.Sections.Select(static section => (section.Title, section.Offset, section.ContentLength)));
            Assert.All(forwards.Stream.CpuSections, static section => Assert.Equal(SectionEnd.Table, section.End));
            Assert.Contains(forwards.Stream.Sections, static section => section.End == SectionEnd.Footer);
        }
    }

    [Fact]
    public void The_description_and_the_tables_find_the_same_fields()
    {
        foreach (string name in RecordedStreams.Names())
        {
            MigrationStream stream = MigrationStreamReader.Read(new MemoryStream(RecordedStreams.Read(name))).Stream;
            foreach (StreamSection section in stream.Sections.Where(static section => CpuVmstates.TryFind(section.Name, out _)))
            {
                ReadOnlySpan<byte> content = section.Content!.Value.Span;
                Assert.True(CpuVmstates.TryFind(section.Name, out Vmstate? table));
                StreamStruct? byTable = FieldDecoder.Decode(table, section.Version, content, out FieldFault? fault);
                Assert.Null(fault);
                StreamStruct? described = FieldDecoder.Decode(stream.Description!.Find(section.Name, section.Instance)!.Vmstate, section.Version, content, out fault);
                Assert.Null(fault);
                Assert.Equal(Lines(described!), Lines(byTable!));
            }
        }
    }

    [Fact]
    public void A_truncated_stream_is_told_from_a_corrupt_one()
    {
        byte[] bytes = RecordedStreams.Read(RecordedStreams.Names()[0]);
        MigrationStream whole = MigrationStreamReader.Read(new MemoryStream(bytes)).Stream;
        for (long at = 0; at < whole.EofOffset; at += 997)
        {
            StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes, 0, (int)at));
            Assert.Equal(StreamFaultKind.Truncated, reading.Fault!.Kind);
            Assert.InRange(reading.Fault.Offset, 0, at);
        }

        bytes = [.. bytes];
        bytes[(int)whole.Sections[^1].Offset] = 0x55;
        StreamFault corrupt = MigrationStreamReader.Read(new MemoryStream(bytes)).Fault!;
        Assert.Equal(StreamFaultKind.Corrupt, corrupt.Kind);
        Assert.Equal(whole.Sections[^1].Offset, corrupt.Offset);
    }

    private static IEnumerable<string> Lines(StreamStruct state)
    {
        yield return $"{state.Name} {state.Version} {state.Offset} {state.Length}";
        foreach (StreamField field in state.Fields)
        {
            yield return $"{field.Name} {field.Type} {field.Offset} {field.ElementSize} {field.Count} {field.Length}";
            foreach (string line in field.Structs.SelectMany(Lines))
            {
                yield return line;
            }
        }

        foreach (string line in state.Subsections.SelectMany(Lines))
        {
            yield return line;
        }
    }
}
