using System.Buffers.Binary;
using Portolan.Streams.Fields;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Cpu;

/// <summary>
/// Makes of a vCPU's section the XSAVE image that a destination's QEMU gives to KVM_SET_XSAVE: XSTATE_BV as it was saved, and every component that
/// has a place in the destination's layout, whether or not XSTATE_BV has it (QEMU target/i386/xsave_helper.c, x86_cpu_xsave_all_areas).
/// </summary>
internal static class XsaveRebuild
{
    private const int SmallestImage = 4096;
    private const int FswAt = 2;
    private const int FtwAt = 4;
    private const int FopAt = 6;
    private const int FipAt = 8;
    private const int FdpAt = 16;
    private const int StAt = 32;
    private const int StStride = 16;
    private const int StCount = 8;
    private const int RegisterCount = 16;
    private const int OpmaskCount = 8;
    private const int BoundCount = 4;
    private const int Ymm = 2;
    private const int Bndregs = 3;
    private const int Bndcsr = 4;
    private const int Opmask = 5;
    private const int ZmmHigh = 6;
    private const int Hi16Zmm = 7;
    private const int Pkru = 9;
    private const int TileConfiguration = 17;
    private const int TileContent = 18;
    private const string Avx512 = "cpu/avx512";
    private const string Mpx = "cpu/mpx";
    private const string Amx = "cpu/intel_amx_xtile";

    public static byte[] Of(SectionFields cpu, XsaveLayout layout)
    {
        byte[] bytes = new byte[Math.Max(SmallestImage, layout.TotalSize(layout.UserMask))];
        _ = XsaveImage.TryOpen(bytes, out XsaveImage image, out _);
        Legacy(cpu, image);
        image.SetXstateBv(new XFeatureMask(cpu.Number("env.xstate_bv") ?? 0));
        Registers(cpu, image, layout, Ymm, cpu.Root, "env.xmm_regs[1]", 2);
        StreamStruct? avx512 = cpu.Root.Subsection(Avx512);
        Numbers(cpu, image, layout, Opmask, avx512, "env.opmask_regs", OpmaskCount);
        Registers(cpu, image, layout, ZmmHigh, avx512, "env.xmm_regs[0]", 4);
        Registers(cpu, image, layout, Hi16Zmm, avx512, "env.xmm_regs[1]", 0);
        Bounds(cpu, image, layout);
        if (image.TryComponent(layout, Pkru, out Span<byte> pkru))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(pkru, Narrow.U32(cpu.NumberIn("cpu/pkru", "env.pkru")));
        }

        Copy(cpu.BytesIn(Amx, "env.xtilecfg"), image, layout, TileConfiguration);
        Copy(cpu.BytesIn(Amx, "env.xtiledata"), image, layout, TileContent);
        return bytes;
    }

    private static void Legacy(SectionFields cpu, XsaveImage image)
    {
        Span<byte> bytes = image.Bytes;
        image.SetFcw(Narrow.U16(cpu.Number("env.fpuc")));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[FswAt..], Narrow.U16(cpu.Number("env.fpus_vmstate")));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[FtwAt..], Narrow.U8(cpu.Number("env.fptag_vmstate")));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[FopAt..], Narrow.U16(cpu.NumberIn("cpu/fpop_ip_dp", "env.fpop")));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[FipAt..], cpu.NumberIn("cpu/fpop_ip_dp", "env.fpip") ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[FdpAt..], cpu.NumberIn("cpu/fpop_ip_dp", "env.fpdp") ?? 0);
        image.SetMxcsr(Narrow.U32(cpu.Number("env.mxcsr")));
        for (int i = 0; i < StCount; i++)
        {
            StreamStruct? register = SectionFields.Element(SectionFields.Element(cpu.Root, "env.fpregs", i), "tmp");
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(StAt + (i * StStride))..], cpu.NumberOf(register, "tmp_mant") ?? 0);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[(StAt + (i * StStride) + sizeof(ulong))..], Narrow.U16(cpu.NumberOf(register, "tmp_exp")));
        }

        for (int i = 0; i < RegisterCount; i++)
        {
            Words(cpu, SectionFields.Element(cpu.Root, "env.xmm_regs[0]", i), image.Xmm(i), 0);
        }
    }

    /// <summary>A component of 16 registers, each some words of a ZMM register from word <paramref name="first"/> on.</summary>
    private static void Registers(SectionFields cpu, XsaveImage image, XsaveLayout layout, int component, StreamStruct? state, string field, int first)
    {
        if (!image.TryComponent(layout, component, out Span<byte> bytes))
        {
            return;
        }

        int stride = bytes.Length / RegisterCount;
        for (int i = 0; i < RegisterCount; i++)
        {
            Words(cpu, SectionFields.Element(state, field, i), bytes.Slice(i * stride, stride), first);
        }
    }

    private static void Words(SectionFields cpu, StreamStruct? register, Span<byte> place, int first)
    {
        for (int i = 0; i < place.Length / sizeof(ulong); i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(place[(i * sizeof(ulong))..], cpu.NumberOf(register, $"_q_ZMMReg[{first + i}]") ?? 0);
        }
    }

    private static void Numbers(SectionFields cpu, XsaveImage image, XsaveLayout layout, int component, StreamStruct? state, string field, int count)
    {
        if (!image.TryComponent(layout, component, out Span<byte> bytes) || bytes.Length < count * sizeof(ulong))
        {
            return;
        }

        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(i * sizeof(ulong))..], cpu.NumberOf(state, field, i) ?? 0);
        }
    }

    private static void Bounds(SectionFields cpu, XsaveImage image, XsaveLayout layout)
    {
        if (image.TryComponent(layout, Bndregs, out Span<byte> registers) && cpu.Root.Subsection(Mpx) is { } mpx)
        {
            for (int i = 0; i < BoundCount; i++)
            {
                StreamStruct? bound = SectionFields.Element(mpx, "env.bnd_regs", i);
                BinaryPrimitives.WriteUInt64LittleEndian(registers[(i * 2 * sizeof(ulong))..], cpu.NumberOf(bound, "lb") ?? 0);
                BinaryPrimitives.WriteUInt64LittleEndian(registers[((i * 2 * sizeof(ulong)) + sizeof(ulong))..], cpu.NumberOf(bound, "ub") ?? 0);
            }
        }

        if (image.TryComponent(layout, Bndcsr, out Span<byte> control))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(control, cpu.NumberIn(Mpx, "env.bndcs_regs.cfgu") ?? 0);
            BinaryPrimitives.WriteUInt64LittleEndian(control[sizeof(ulong)..], cpu.NumberIn(Mpx, "env.bndcs_regs.sts") ?? 0);
        }
    }

    private static void Copy(ReadOnlySpan<byte> content, XsaveImage image, XsaveLayout layout, int component)
    {
        if (!content.IsEmpty && image.TryComponent(layout, component, out Span<byte> place))
        {
            content[..Math.Min(content.Length, place.Length)].CopyTo(place);
        }
    }
}
