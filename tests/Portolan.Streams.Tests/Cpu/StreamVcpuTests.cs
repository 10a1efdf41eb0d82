using System.Buffers.Binary;
using Portolan.Kvm.State;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.Testing;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Tests.Cpu;

/// <summary>What a destination's QEMU would give to KVM.</summary>
public sealed class StreamVcpuTests
{
    private static readonly XsaveLayout Layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new XFeatureMask(0x602ff))!;

    [Theory]
    [InlineData("qemu72-saved-on-g1", 0x207)]
    [InlineData("qemu72-g1-loaded-on-g1-resaved", 0x207)]
    [InlineData("qemu72-g1-loaded-on-g3-resaved", 0x7)]
    [InlineData("qemu72-saved-on-g1-with-mpx", 0x217)]
    [InlineData("qemu72-saved-on-g3", 0x7)]
    [InlineData("qemu100-saved-on-g1", 0x207)]
    [InlineData("qemu100-saved-on-g3", 0x7)]
    public void The_image_has_the_components_that_the_source_saved(string name, ulong components)
    {
        MigrationStream stream = MigrationStreamReader.Read(new MemoryStream(RecordedStreams.Read(name))).Stream;
        StreamVcpu vcpu = Assert.Single(StreamVcpu.All(stream, out StreamFault? fault));
        Assert.Null(fault);
        VcpuState state = vcpu.ToState(Layout);
        Assert.True(ReadOnlyXsaveImage.TryOpen(state.Xsave.AsSpan(), out ReadOnlyXsaveImage image, out _));
        Assert.Equal(vcpu.XstateBv, image.XstateBv);
        Assert.Equal(new XFeatureMask(components), image.XstateBv);
        Assert.Equal(0x1f80u, image.Mxcsr);
        Assert.Equal(vcpu.Xcr0!.Value.Bits, state.Xcrs!.Entries[0].Value);
        Assert.Equal(LapicMode.Xapic, vcpu.Lapic);
        Assert.Contains(state.Msrs, static msr => msr.Index == 0x10 && msr.Value != 0);
        Assert.Empty(vcpu.Unknown);
    }

    [Fact]
    public void Every_component_lands_where_the_layout_has_it()
    {
        StreamVcpu vcpu = Made(static _ => true, static (vmstate, path, index) => vmstate switch
        {
            "xmm_reg" => Value(1, Register(path), Word(path)),
            "ymmh_reg" => Value(2, Register(path), Word(path)),
            "zmmh_reg" => Value(6, Register(path), Word(path)),
            "hi16_zmm_reg" => Value(7, Register(path), Word(path)),
            _ => path switch
            {
                "env.opmask_regs" => Value(5, index, 0),
                "env.pkru" => 0x55555554,
                "env.xstate_bv" => 0x602ff,
                "env.xcr0" => 0x602e7,
                "env.xtilecfg" => (ulong)index + 1,
                "env.xtiledata" => (ulong)(index * 7) & 0xff,
                "env.bndcs_regs.cfgu" => 0x77,
                _ => 0,
            },
        });
        byte[] image = [.. vcpu.ToState(Layout).Xsave];

        Assert.Equal(0x602fful, BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(512)));
        Check(image, 160, 16, 2, 1, 0);
        Check(image, Place(2), 16, 2, 2, 2);
        Check(image, Place(5), 8, 1, 5, 0);
        Check(image, Place(6), 16, 4, 6, 4);
        Check(image, Place(7), 16, 8, 7, 0);
        Assert.Equal(0x77ul, BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(Place(4))));
        Assert.Equal(0x55555554u, BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(Place(9))));
        Assert.Equal(64, image[Place(17) + 63]);
        Assert.Equal(8191 * 7 & 0xff, image[Place(18) + 8191]);
    }

    [Fact]
    public void Nested_state_is_rebuilt_and_the_vmcs12_read_by_field()
    {
        StreamVcpu vcpu = Made(
            static name => name is "cpu/nested_state" or "cpu/kvm_nested_state/vmx" or "cpu/kvm_nested_state/vmx/vmcs12",
            static (vmstate, path, index) => path.Split('/')[^1] switch
            {
                "env.hflags" => 1 << 21,
                "flags" => 4,
                "size" => 128 + 4096,
                "hdr.vmx.vmxon_pa" => 0x1000,
                "hdr.vmx.vmcs12_pa" => ulong.MaxValue,
                "data.vmx[0].vmcs12" => Vmcs12Byte(index),
                _ => 0,
            });
        byte[] nested = [.. vcpu.Nested];

        Assert.Equal(128 + 4096, nested.Length);
        Assert.Equal(5, BinaryPrimitives.ReadUInt16LittleEndian(nested)); // guest mode, from the hidden flags, and eVMCS
        Assert.Equal(0x1000ul, BinaryPrimitives.ReadUInt64LittleEndian(nested.AsSpan(8)));
        Assert.True(vcpu.UsesEvmcs);
        Vmcs12Field link = Vmcs12Fields.All.Single(static field => field.Name == "vmcs_link_pointer");
        Assert.Equal((ushort)0x2800, link.Encoding);
        Assert.Equal(ulong.MaxValue, link.Read(vcpu.Vmcs12));
        Assert.Equal(0ul, Vmcs12Fields.All.Single(static field => field.Name == "guest_physical_address").Read(vcpu.Vmcs12));
    }

    [Fact]
    public void What_no_table_knows_survives_as_bytes_and_is_listed()
    {
        Assert.True(CpuVmstates.TryFind("cpu", out Vmstate? table));
        byte[] known = StreamWriting.Content(table, static _ => false, static (_, _, _) => 0);
        byte[] content = new StreamWriting().Bytes(known).Byte(5).Text("cpu/next_year").U32(1).U64(0x1234).ToArray();
        byte[] bytes = StreamWriting.Begin().Full(3, "cpu", 0, 12, content).Full(4, "cpu_common", 0, 1, new byte[8]).Byte(0).ToArray();
        StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes));

        Assert.True(reading.Ok, $"{reading.Fault}");
        Assert.Equal(SectionEnd.Footer, reading.Stream.CpuSections.Single().End);
        StreamVcpu vcpu = Assert.Single(StreamVcpu.All(reading.Stream, out _));
        StreamStruct unknown = Assert.Single(vcpu.Unknown);
        Assert.Equal("cpu/next_year", unknown.Name);
        Assert.Equal(known.Length, unknown.Offset);
        Assert.Equal(content.Length - known.Length, unknown.Length);
    }

    [Fact]
    public void Msrs_that_qemu_drops_where_they_are_not_listed_are_left_out()
    {
        StreamVcpu vcpu = Made(static name => name is "cpu/xss" or "cpu/msr_ia32_feature_control" or "cpu/msr_tscdeadline", static (_, path, _) => path switch
        {
            "env.xss" => 0x100,
            "env.msr_ia32_feature_control" => 5,
            "env.tsc_deadline" => 9,
            _ => 0,
        });

        Assert.Equal(0x3au, vcpu.Msrs[0].Msr.Index);
        Assert.Equal(0x6e0u, vcpu.Msrs[^1].Msr.Index);
        Assert.Contains(vcpu.ToState(Layout).Msrs, static msr => msr is { Index: 0xda0, Value: 0x100 });
        Assert.DoesNotContain(vcpu.ToState(Layout, [0x10]).Msrs, static msr => msr.Index == 0xda0);
    }

    private static int Place(int component) => Layout.TryGet(component, out XsaveComponent found) ? found.Offset : throw new InvalidOperationException();

    private static void Check(byte[] image, int at, int registers, int words, int component, int firstWord)
    {
        for (int i = 0; i < registers * words; i++)
        {
            Assert.Equal(Value(component, i / words, firstWord + (i % words)), BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + (8 * i))));
        }
    }

    private static ulong Value(int component, int register, int word) => ((ulong)component << 32) | ((ulong)register << 8) | (uint)word;

    private static int Register(string path) => int.Parse(path.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture);

    private static int Word(string path) => path[^2] - '0';

    private static ulong Vmcs12Byte(int index) => index is >= 176 and < 184 ? 0xff : 0ul;

    private static StreamVcpu Made(Func<string, bool> hasSubsection, Func<string, string, int, ulong> number)
    {
        Assert.True(CpuVmstates.TryFind("cpu", out Vmstate? table));
        byte[] bytes = StreamWriting.Begin().Full(3, "cpu", 0, 12, StreamWriting.Content(table, hasSubsection, number)).Byte(0).ToArray();
        StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes));
        Assert.True(reading.Ok, $"{reading.Fault}");
        Assert.Equal(SectionEnd.Table, reading.Stream.CpuSections.Single().End);
        StreamVcpu vcpu = Assert.Single(StreamVcpu.All(reading.Stream, out StreamFault? fault));
        Assert.Null(fault);
        return vcpu;
    }
}
