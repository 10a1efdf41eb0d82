using System.Buffers.Binary;
using System.Globalization;
using Portolan.Streams.Cpu;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>A vCPU of a stream in a few words.</summary>
internal static class VcpuWords
{
    private const ushort FormatSvm = 1;
    private const ushort GuestMode = 1;

    /// <summary>A set of components with its number.</summary>
    public static string Components(XFeatureMask? set) => set is { } components ? $"{components} ({XFeatureTable.Names(components)})" : "not in this version of the section";

    /// <summary>The local APIC's mode.</summary>
    public static string Lapic(LapicMode? mode) => mode switch
    {
        LapicMode.Disabled => "disabled",
        LapicMode.Xapic => "xapic",
        LapicMode.X2apic => "x2apic",
        _ => "unknown",
    };

    /// <summary>What the vCPU does as a hypervisor.</summary>
    public static string Nested(StreamVcpu vcpu)
    {
        if (vcpu.Nested.IsEmpty)
        {
            return "none";
        }

        ReadOnlySpan<byte> state = vcpu.Nested.AsSpan();
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state);
        string kind = BinaryPrimitives.ReadUInt16LittleEndian(state[2..]) == FormatSvm ? "svm" : "vmx";
        return kind + ((flags & GuestMode) != 0 ? ", in its guest" : "") + (vcpu.UsesEvmcs ? ", eVMCS" : "") + (vcpu.Vmcs12.IsEmpty ? "" : ", VMCS12");
    }

    /// <summary>The TSC's frequency.</summary>
    public static ulong? TscKhz(StreamVcpu vcpu) => vcpu.Cpu.NumberIn("cpu/tsc_khz", "env.tsc_khz");

    /// <summary>The VMCS12's fields that are not 0, each with its name and value.</summary>
    public static IEnumerable<(Vmcs12Field Field, ulong Value)> Vmcs12(StreamVcpu vcpu)
    {
        List<(Vmcs12Field, ulong)> found = [];
        if (!vcpu.Vmcs12.IsEmpty)
        {
            foreach (Vmcs12Field field in Vmcs12Fields.All)
            {
                if (field.Offset + field.Size <= vcpu.Vmcs12.Length && field.Read(vcpu.Vmcs12) is not 0 and var value)
                {
                    found.Add((field, value));
                }
            }
        }

        return found;
    }

    /// <summary>A number of its width in hexadecimal.</summary>
    public static string Hex(ulong value, int size) => "0x" + value.ToString("x" + (2 * size).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
