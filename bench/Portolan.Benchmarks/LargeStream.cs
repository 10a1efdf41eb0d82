using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;

namespace Portolan.Benchmarks;

/// <summary>Writes a migration stream as QEMU does, as large as is wanted: RAM, one vCPU, the description.</summary>
internal static class LargeStream
{
    private const int PageSize = 4096;
    private const string Machine = "pc-q35-9.0";
    private const string Block = "pc.ram";
    private const string Ram = "ram";
    private const string Cpu = "cpu";

    /// <summary>Writes at least so many bytes; every eighth page is zero and takes next to nothing.</summary>
    public static void Make(string file, long bytes)
    {
        ulong length = ((ulong)bytes / PageSize / 7 + 1) * 8 * PageSize;
        using FileStream output = new(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        output.Write("QEVM"u8);
        U32(output, 3);
        output.WriteByte(7);
        U32(output, (uint)Machine.Length);
        output.Write(Encoding.ASCII.GetBytes(Machine));
        Head(output, 1, 1);
        Text(output, Ram);
        U32(output, 0);
        U32(output, 4);
        U64(output, length | 0x04);
        Text(output, Block);
        U64(output, length);
        End(output);
        Head(output, 2, 1);
        Pages(output, length);
        End(output);
        Head(output, 3, 1);
        End(output);
        Vcpu(output);
        output.WriteByte(0);
        Description(output);
    }

    private static void Pages(FileStream output, ulong length)
    {
        byte[] page = new byte[PageSize];
        new Random(1).NextBytes(page);
        for (ulong at = 0; at < length; at += PageSize)
        {
            bool zero = at / PageSize % 8 == 7;
            U64(output, at | (at == 0 ? 0u : 0x20u) | (zero ? 0x02u : 0x08u));
            if (at == 0)
            {
                Text(output, Block);
            }

            output.Write(zero ? [0] : page);
        }
    }

    private static void Vcpu(FileStream output)
    {
        Vmstate cpu = CpuVmstates.TryFind(Cpu, out Vmstate? found) ? found : throw new InvalidDataException("no table of the vCPU");
        Head(output, 4, 2);
        Text(output, Cpu);
        U32(output, 0);
        U32(output, cpu.Version);
        output.Write(new byte[SizeOf(cpu)]);
        Footer(output, 2);
    }

    /// <summary>As QEMU writes it, but with the vCPU's content as one field, since nothing here reads it by the description.</summary>
    private static void Description(FileStream output)
    {
        int size = CpuVmstates.TryFind(Cpu, out Vmstate? cpu) ? SizeOf(cpu) : 0;
        byte[] json = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"page_size": {{PageSize}}, "devices": [{"name": "{{Cpu}}", "instance_id": 0, "vmsd_name": "{{Cpu}}", "version": 12, "fields": [{"name": "all", "type": "buffer", "size": {{size}}}]}]}"""));
        output.WriteByte(6);
        U32(output, (uint)json.Length);
        output.Write(json);
    }

    private static int SizeOf(Vmstate vmstate) => vmstate.Fields.Sum(static field => field.Size * (field.Count ?? 1));

    private static void Head(FileStream output, byte kind, uint id)
    {
        output.WriteByte(kind);
        U32(output, id);
    }

    private static void End(FileStream output)
    {
        U64(output, 0x10);
        Footer(output, 1);
    }

    private static void Footer(FileStream output, uint id)
    {
        output.WriteByte(0x7e);
        U32(output, id);
    }

    private static void Text(FileStream output, string text)
    {
        output.WriteByte((byte)text.Length);
        output.Write(Encoding.ASCII.GetBytes(text));
    }

    private static void U32(FileStream output, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        output.Write(bytes);
    }

    private static void U64(FileStream output, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        output.Write(bytes);
    }
}
