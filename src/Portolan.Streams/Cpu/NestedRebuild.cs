using System.Buffers.Binary;

namespace Portolan.Streams.Cpu;

/// <summary>
/// Makes of the nested subsections struct kvm_nested_state, little-endian, as a destination's QEMU gives it to KVM_SET_NESTED_STATE (QEMU
/// target/i386/kvm/kvm.c, kvm_put_nested_state): guest mode and GIF are taken from the vCPU's hidden flags.
/// </summary>
internal static class NestedRebuild
{
    internal const string Subsection = "cpu/nested_state";
    internal const string Vmx = "cpu/kvm_nested_state/vmx";
    internal const string Svm = "cpu/kvm_nested_state/svm";
    internal const string Vmcs12 = "cpu/kvm_nested_state/vmx/vmcs12";
    internal const string ShadowVmcs12 = "cpu/kvm_nested_state/vmx/shadow_vmcs12";
    internal const ushort EvmcsFlag = 4;

    private const int HeaderSize = 128;
    private const int PageSize = 4096;
    private const int FormatAt = 2;
    private const int SizeAt = 4;
    private const int AddressAt = 8;
    private const int Vmcs12At = 16;
    private const int SmmAt = 24;
    private const ushort FormatSvm = 1;
    private const ushort GuestMode = 1;
    private const ushort GifSet = 0x100;
    private const ulong HflagsGuest = 1 << 21;
    private const ulong Hflags2Gif = 1;

    /// <summary>The image; empty where the stream has none.</summary>
    public static byte[] Of(SectionFields cpu)
    {
        if (SectionFields.Element(cpu.Root.Subsection(Subsection), "env.nested_state") is not { } state)
        {
            return [];
        }

        ReadOnlySpan<byte> vmcs12 = cpu.BytesIn(Vmcs12, "data.vmx[0].vmcs12");
        ReadOnlySpan<byte> shadow = cpu.BytesIn(ShadowVmcs12, "data.vmx[0].shadow_vmcs12");
        ReadOnlySpan<byte> vmcb12 = cpu.BytesIn(Svm, "data.svm[0].vmcb12");
        byte[] image = new byte[HeaderSize + (shadow.IsEmpty ? vmcs12.IsEmpty && vmcb12.IsEmpty ? 0 : PageSize : 2 * PageSize)];
        ushort format = Narrow.U16(cpu.NumberOf(state, "format"));
        ushort flags = (ushort)(Narrow.U16(cpu.NumberOf(state, "flags")) & ~(GuestMode | GifSet));
        flags |= (cpu.Number("env.hflags") & HflagsGuest) != 0 ? GuestMode : (ushort)0;
        flags |= format == FormatSvm && (cpu.Number("env.hflags2") & Hflags2Gif) != 0 ? GifSet : (ushort)0;
        BinaryPrimitives.WriteUInt16LittleEndian(image, flags);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(FormatAt), format);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(SizeAt), Narrow.U32(cpu.NumberOf(state, "size")));
        ulong address = format == FormatSvm ? cpu.NumberIn(Svm, "hdr.svm.vmcb_pa") ?? 0 : cpu.NumberIn(Vmx, "hdr.vmx.vmxon_pa") ?? ulong.MaxValue;
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(AddressAt), address);
        if (format != FormatSvm)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(Vmcs12At), cpu.NumberIn(Vmx, "hdr.vmx.vmcs12_pa") ?? ulong.MaxValue);
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(SmmAt), Narrow.U16(cpu.NumberIn(Vmx, "hdr.vmx.smm.flags")));
        }

        Copy(vmcs12, image, HeaderSize);
        Copy(shadow, image, HeaderSize + PageSize);
        Copy(vmcb12, image, HeaderSize);
        return image;
    }

    private static void Copy(ReadOnlySpan<byte> page, byte[] image, int at) => page[..Math.Min(page.Length, PageSize)].CopyTo(image.AsSpan(Math.Min(at, image.Length)));
}
