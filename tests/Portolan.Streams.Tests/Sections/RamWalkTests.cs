using Portolan.Streams.Sections;

namespace Portolan.Streams.Tests.Sections;

/// <summary>Every kind of record that QEMU puts into the RAM section, and streams that continue in postcopy.</summary>
public sealed class RamWalkTests
{
    private const ulong Block = 0x10000;

    [Fact]
    public void Each_kind_of_page_is_counted_and_passed()
    {
        StreamWriting writing = Listed(StreamWriting.Begin())
            .Byte(2).U32(1)
            .U64(0x0000 | 0x08).Text("pc.ram").Bytes(new byte[4096])
            .U64(0x1000 | 0x02 | 0x20).Byte(0)
            .U64(0x2000 | 0x40 | 0x20).Byte(1).U16(3).Bytes([1, 2, 3])
            .U64(0x3000 | 0x100 | 0x20).U32(5).Bytes([1, 2, 3, 4, 5])
            .U64(0x200)
            .U64(0x10).Footer(1)
            .Byte(3).U32(1).U64(0x10).Footer(1)
            .Byte(0);

        RamContents ram = Whole(writing).Ram!;

        RamBlock block = Assert.Single(ram.Blocks);
        Assert.Equal((1, 1, 1, 1), (block.Pages, block.ZeroPages, block.XbzrlePages, block.CompressedPages));
        Assert.Equal((2, 1, Block), (ram.Iterations, ram.MultifdFlushes, ram.TotalLength));
    }

    [Fact]
    public void Mapped_ram_is_counted_by_its_bitmap_and_its_pages_are_passed_where_they_stand()
    {
        StreamWriting head = StreamWriting.Begin().Byte(5).Text("configuration/capabilities").U32(1).U32(1).Text("mapped-ram")
            .Byte(1).U32(1).Text("ram").U32(0).U32(4).U64(Block | 0x04).Text("pc.ram").U64(Block);
        int header = head.ToArray().Length;
        ulong bitmap = (ulong)header + 28;
        const ulong Pages = 0x100000;
        byte[] bits = [0b101, 0, 0, 0, 0, 0, 0, 0];
        head.U32(1).U64(4096).U64(bitmap).U64(Pages).Bytes(bits);
        head.Bytes(new byte[(int)(Pages + Block) - head.ToArray().Length]).U64(0x10).Footer(1).Byte(0);

        foreach (StreamReading reading in (StreamReading[])[MigrationStreamReader.Read(new MemoryStream(head.ToArray())), MigrationStreamReader.Read(new Libvirt.OnlyForwards(head.ToArray()))])
        {
            Assert.True(reading.Ok, $"{reading.Fault}");
            RamBlock block = Assert.Single(reading.Stream.Ram!.Blocks);
            Assert.True(block.IsMapped);
            Assert.Equal(2, block.Pages);
        }
    }

    [Fact]
    public void Postcopy_is_walked_through_its_package()
    {
        byte[] package = new StreamWriting().Full(7, "cpu_common", 0, 1, new byte[8]).Byte(8).U16(5).U16(0).ToArray();
        StreamWriting writing = StreamWriting.Begin()
            .Byte(8).U16(3).U16(16).U64(0x201000).U64(4096)
            .Byte(1).U32(1).Text("ram").U32(0).U32(4).U64(Block | 0x04).Text("pc.ram").U64(Block).U64(0x200000).U64(0x10).Footer(1)
            .Byte(8).U16(4).U16(0)
            .Byte(8).U16(7).U16(4).U32((ulong)package.Length).Bytes(package)
            .Byte(3).U32(1).U64(0x0000 | 0x08).Text("pc.ram").Bytes(new byte[4096]).U64(0x10).Footer(1)
            .Byte(0);

        MigrationStream stream = Whole(writing);

        Assert.True(stream.IsPostcopy);
        Assert.Equal(0x200000ul, Assert.Single(stream.Ram!.Blocks).PageSize);
        Assert.Equal(["postcopy-advise", "postcopy-listen", "packaged", "postcopy-run"], stream.Commands.Select(static command => command.Name));
        Assert.Contains(stream.Sections, static section => section.Name == "cpu_common");
    }

    [Theory]
    [InlineData(0x0000 | 0x80, StreamFaultKind.Unsupported)]
    [InlineData(0x20000 | 0x08, StreamFaultKind.Corrupt)]
    [InlineData(0x0001, StreamFaultKind.Corrupt)]
    public void A_record_that_cannot_be_is_a_fault_at_its_byte(ulong record, StreamFaultKind kind)
    {
        StreamWriting writing = Listed(StreamWriting.Begin()).Byte(2).U32(1);
        int at = writing.ToArray().Length;
        StreamReading reading = MigrationStreamReader.Read(new MemoryStream(writing.U64(record).Text("pc.ram").Bytes(new byte[4096]).ToArray()));

        Assert.Equal((kind, (long)at, "ram/0"), (reading.Fault!.Kind, reading.Fault.Offset, reading.Fault.Section));
    }

    private static StreamWriting Listed(StreamWriting writing)
        => writing.Byte(1).U32(1).Text("ram").U32(0).U32(4).U64(Block | 0x04).Text("pc.ram").U64(Block).U64(0x10).Footer(1);

    private static MigrationStream Whole(StreamWriting writing)
    {
        StreamReading reading = MigrationStreamReader.Read(new MemoryStream(writing.ToArray()));
        Assert.True(reading.Ok, $"{reading.Fault}");
        return reading.Stream;
    }
}
