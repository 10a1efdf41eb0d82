using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;

namespace Portolan.Testing;

/// <summary>
/// A Cloud Hypervisor <c>state.json</c> with given vCPUs, made by the tests from the shapes that its sources document (vm-migration/src/lib.rs,
/// hypervisor/src/kvm/x86_64/mod.rs, and kvm-bindings/src/serialize.rs of rust-vmm/kvm); no recorded one is at hand.
/// </summary>
public static class CloudHypervisorFile
{
    private const int XsaveRegion = 4096;
    private const int NestedBuffer = 8320;

    /// <summary>A vCPU that was promised all of Sapphire Rapids, in its first moment.</summary>
    public static VcpuState Example => new()
    {
        Cpuid = Hosts.Spr("6.12.117").SupportedCpuid!.Value,
        Regs = default(KvmRegs),
        Sregs = default(KvmSregs),
        Events = default(KvmVcpuEvents),
        Xcrs = KvmXcrs.Xcr0(0x602e7),
        Xsave = [.. new byte[11008]],
        Lapic = [.. new byte[1024]],
        MpState = KvmMpState.Runnable,
        TscKhz = 2_000_000,
    };

    /// <summary>The file.</summary>
    public static byte[] Of(params IReadOnlyList<VcpuState> vcpus)
    {
        JsonObject cpus = [];
        foreach (VcpuState vcpu in vcpus)
        {
            cpus.Add(vcpu.Id.ToString(CultureInfo.InvariantCulture), Leaf(new JsonObject { ["Kvm"] = Vcpu(vcpu) }));
        }

        return Of(cpus);
    }

    /// <summary>The file with these components as vCPUs.</summary>
    public static byte[] Of(JsonObject cpus) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["snapshots"] = new JsonObject
        {
            ["cpu-manager"] = new JsonObject { ["snapshots"] = cpus, ["snapshot_data"] = null },
            ["device-manager"] = Leaf([]),
        },
        ["snapshot_data"] = new JsonObject { ["state"] = "{}" },
    }.ToJsonString());

    /// <summary>A component without others, its state as a text.</summary>
    public static JsonObject Leaf(JsonObject state) => new() { ["snapshots"] = new JsonObject(), ["snapshot_data"] = new JsonObject { ["state"] = state.ToJsonString() } };

    /// <summary>VcpuKvmState.</summary>
    public static JsonObject Vcpu(VcpuState vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        return new JsonObject
        {
            ["cpuid"] = new JsonArray([.. vcpu.Cpuid!.Select(Row)]),
            ["msrs"] = new JsonArray([.. vcpu.Msrs.Select(static msr => new JsonObject { ["index"] = msr.Index, ["data"] = msr.Value })]),
            ["vcpu_events"] = Bytes(writer => Write(writer, vcpu.Events!.Value)),
            ["regs"] = Bytes(writer => Write(writer, vcpu.Regs!.Value)),
            ["sregs"] = Bytes(writer => Write(writer, vcpu.Sregs!.Value)),
            ["fpu"] = new JsonObject { ["fcw"] = 0x37f, ["mxcsr"] = 0x1f80 },
            ["lapic_state"] = new JsonObject { ["regs"] = new JsonArray([.. vcpu.Lapic.Select(static part => (JsonNode)unchecked((sbyte)part))]) },
            ["xsave"] = new JsonObject { ["region"] = Words(vcpu.Xsave.AsSpan()[..XsaveRegion]), ["extra"] = Words(vcpu.Xsave.AsSpan()[XsaveRegion..]) },
            ["xcrs"] = Bytes(writer => Write(writer, vcpu.Xcrs!)),
            ["mp_state"] = Bytes(writer => writer.Write((uint)vcpu.MpState!.Value)),
            ["tsc_khz"] = vcpu.TscKhz,
            ["nested_state"] = vcpu.Nested.IsEmpty ? null : Bytes(writer => writer.Write([.. vcpu.Nested, .. new byte[NestedBuffer - vcpu.Nested.Length]])),
            ["hyperv_synic"] = false,
        };
    }

    private static JsonObject Row(CpuidEntry row) => new()
    {
        ["function"] = row.Address.Leaf,
        ["index"] = row.Address.Subleaf,
        ["flags"] = row.SubleafIsSignificant ? 1 : 0,
        ["eax"] = row.Values.Eax,
        ["ebx"] = row.Values.Ebx,
        ["ecx"] = row.Values.Ecx,
        ["edx"] = row.Values.Edx,
    };

    private static JsonArray Words(ReadOnlySpan<byte> bytes)
    {
        JsonArray words = [];
        for (int i = 0; i < bytes.Length; i += sizeof(uint))
        {
            words.Add((JsonNode)BitConverter.ToUInt32(bytes[i..]));
        }

        return words;
    }

    private static JsonArray Bytes(Action<BinaryWriter> write)
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        write(writer);
        return [.. bytes.ToArray().Select(static part => (JsonNode)part)];
    }

    private static void Write(BinaryWriter writer, KvmRegs regs)
    {
        foreach (ulong register in (ulong[])
        [
            regs.Rax, regs.Rbx, regs.Rcx, regs.Rdx, regs.Rsi, regs.Rdi, regs.Rsp, regs.Rbp, regs.R8, regs.R9, regs.R10, regs.R11, regs.R12, regs.R13, regs.R14, regs.R15, regs.Rip, regs.Rflags,
        ])
        {
            writer.Write(register);
        }
    }

    private static void Write(BinaryWriter writer, KvmSregs sregs)
    {
        KvmSystemRegisters system = sregs.Registers;
        foreach (KvmSegment segment in (KvmSegment[])[system.Cs, system.Ds, system.Es, system.Fs, system.Gs, system.Ss, system.Tr, system.Ldt])
        {
            writer.Write(segment.Base);
            writer.Write(segment.Limit);
            writer.Write(segment.Selector);
            writer.Write([segment.Type, segment.Present, segment.Dpl, segment.Db, segment.S, segment.L, segment.G, segment.Avl, segment.Unusable, 0]);
        }

        foreach (KvmDescriptorTable table in (KvmDescriptorTable[])[system.Gdt, system.Idt])
        {
            writer.Write(table.Base);
            writer.Write((ulong)table.Limit);
        }

        KvmInterruptBitmap bitmap = sregs.InterruptBitmap;
        foreach (ulong register in (ulong[])
            [system.Cr0, system.Cr2, system.Cr3, system.Cr4, system.Cr8, system.Efer, system.ApicBase, bitmap.Word0, bitmap.Word1, bitmap.Word2, bitmap.Word3])
        {
            writer.Write(register);
        }
    }

    private static void Write(BinaryWriter writer, KvmVcpuEvents events)
    {
        writer.Write([events.ExceptionInjected, events.ExceptionNumber, events.ExceptionHasErrorCode, events.ExceptionPending]);
        writer.Write(events.ExceptionErrorCode);
        writer.Write([events.InterruptInjected, events.InterruptNumber, events.InterruptSoft, events.InterruptShadow]);
        writer.Write([events.NmiInjected, events.NmiPending, events.NmiMasked, 0]);
        writer.Write(events.SipiVector);
        writer.Write(events.Flags);
        writer.Write([events.Smm, events.SmmPending, events.SmmInsideNmi, events.SmmLatchedInit, events.TripleFaultPending]);
        writer.Write(new byte[26]);
        writer.Write(events.ExceptionHasPayload);
        writer.Write(events.ExceptionPayload);
    }

    private static void Write(BinaryWriter writer, KvmXcrs xcrs)
    {
        writer.Write((uint)xcrs.Entries.Length);
        writer.Write(xcrs.Flags);
        foreach (KvmXcr xcr in xcrs.Entries)
        {
            writer.Write(xcr.Register);
            writer.Write(0);
            writer.Write(xcr.Value);
        }

        writer.Write(new byte[((16 - xcrs.Entries.Length) * 16) + 128]);
    }
}
