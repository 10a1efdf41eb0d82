using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents.Json;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.CloudHypervisor;

/// <summary>
/// The state of one vCPU (cloud-hypervisor hypervisor/src/kvm/x86_64/mod.rs, VcpuKvmState): CPUID, MSRs, the local APIC and XSAVE as members, the other
/// structures of the kernel as arrays of their bytes (rust-vmm/kvm kvm-bindings/src/serialize.rs).
/// </summary>
internal static class VcpuStateReader
{
    private const int RegsSize = 144;
    private const int SregsSize = 312;
    private const int EventsSize = 64;
    private const int XcrsSize = 392;
    private const int MpStateSize = sizeof(uint);
    private const int LapicSize = 1024;
    private const int XsaveWords = 1024;
    private const int MostExtraWords = 15 * 1024; // The whole image, with what KVM_GET_XSAVE2 has more, at most 64 KiB.
    private const int NestedHeaderSize = 128;
    private const int LargestNested = 1 << 16;
    private const int MostRows = 1 << 14;
    private const uint SubleafIsSignificant = 1;
    private const string Advice = "give a snapshot of a KVM guest on x86-64, taken by a Cloud Hypervisor with kvm-bindings 0.8 or later (its pull request 6408)";

    /// <summary>Reads it; the cursor's scope has the fault.</summary>
    public static VcpuState Read(ObjectCursor root, uint id)
    {
        ObjectCursor kvm = root.Required("Kvm") is { } value ? root.Enter(value, root.PathOf("Kvm")) : root;
        if (root.Scope.Fault is not null)
        {
            return new VcpuState { Id = id };
        }

        VcpuState state = new()
        {
            Id = id,
            Cpuid = Cpuid(kvm),
            Msrs = Msrs(kvm),
            Events = KernelStructs.Events(Bytes(kvm, "vcpu_events", EventsSize, EventsSize)),
            Regs = KernelStructs.Regs(Bytes(kvm, "regs", RegsSize, RegsSize)),
            Sregs = KernelStructs.Sregs(Bytes(kvm, "sregs", SregsSize, SregsSize)),
            Lapic = kvm.Required("lapic_state") is { } lapic ? [.. Bytes(kvm.Enter(lapic, kvm.PathOf("lapic_state")), "regs", LapicSize, LapicSize, sbyte.MinValue)] : [],
            Xsave = Xsave(kvm),
            Xcrs = Xcrs(kvm),
            MpState = MpState(kvm),
            TscKhz = kvm.OptionalUInt32("tsc_khz"),
            Nested = Nested(kvm),
        };
        return state;
    }

    private static CpuidTable Cpuid(ObjectCursor kvm)
    {
        List<CpuidEntry> entries = [];
        foreach (ObjectCursor row in Rows(kvm, "cpuid"))
        {
            bool isSignificant = (Number32(row, "flags") & SubleafIsSignificant) != 0;
            uint subleaf = Number32(row, "index");
            entries.Add(new CpuidEntry(
                new CpuidAddress(Number32(row, "function"), isSignificant ? subleaf : 0),
                isSignificant,
                new CpuidValues(Number32(row, "eax"), Number32(row, "ebx"), Number32(row, "ecx"), Number32(row, "edx"))));
        }

        // Of two rows for one place KVM answers with the first (arch/x86/kvm/cpuid.c, cpuid_entry2_find).
        return CpuidTable.From(entries.DistinctBy(static entry => entry.Address));
    }

    private static ImmutableArray<MsrValue> Msrs(ObjectCursor kvm)
    {
        Dictionary<uint, int> seen = [];
        ImmutableArray<MsrValue>.Builder msrs = ImmutableArray.CreateBuilder<MsrValue>();
        foreach (ObjectCursor row in Rows(kvm, "msrs"))
        {
            uint index = Number32(row, "index");
            if (!seen.TryAdd(index, msrs.Count))
            {
                row.Refuse(row.Offset, row.Path, "each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time"), Advice);
            }

            msrs.Add(new MsrValue(index, Number(row, "data", ulong.MaxValue)));
        }

        return msrs.ToImmutable();
    }

    /// <summary>The 4096 bytes of struct kvm_xsave as words, and what KVM_GET_XSAVE2 has behind them.</summary>
    private static ImmutableArray<byte> Xsave(ObjectCursor kvm)
    {
        if (kvm.Required("xsave") is not { } value)
        {
            return [];
        }

        ObjectCursor xsave = kvm.Enter(value, kvm.PathOf("xsave"));
        return
        [
            .. Integers(xsave, "region", XsaveWords, XsaveWords, 0, uint.MaxValue).SelectMany(Word),
            .. xsave.Optional("extra") is null ? [] : Integers(xsave, "extra", 0, MostExtraWords, 0, uint.MaxValue).SelectMany(Word),
        ];
    }

    private static byte[] Word(long word)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)word);
        return bytes;
    }

    private static KvmXcrs? Xcrs(ObjectCursor kvm)
    {
        KvmXcrs? xcrs = KernelStructs.Xcrs(Bytes(kvm, "xcrs", XcrsSize, XcrsSize));
        if (xcrs is null && kvm.Scope.Fault is null)
        {
            kvm.Refuse(kvm.Required("xcrs")!.Offset, kvm.PathOf("xcrs"), $"a struct kvm_xcrs of at most {KernelStructs.MostXcrs} registers", "more", Advice);
        }

        return xcrs;
    }

    private static KvmMpState? MpState(ObjectCursor kvm)
    {
        byte[] bytes = Bytes(kvm, "mp_state", MpStateSize, MpStateSize);
        uint state = bytes.Length == MpStateSize ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        if (state > (uint)KvmMpState.SipiReceived)
        {
            kvm.Refuse(kvm.Required("mp_state")!.Offset, kvm.PathOf("mp_state"), "an MP state of x86, 0 to 4", state.ToString(CultureInfo.InvariantCulture), Advice);
        }

        return (KvmMpState)state;
    }

    /// <summary>The buffer is as large as the largest state; how much of it is meant, its header says.</summary>
    private static ImmutableArray<byte> Nested(ObjectCursor kvm)
    {
        if (kvm.Optional("nested_state") is not { } value)
        {
            return [];
        }

        byte[] bytes = Bytes(kvm, "nested_state", NestedHeaderSize, LargestNested);
        uint size = bytes.Length < NestedHeaderSize ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(sizeof(uint)));
        if (bytes.Length > 0 && (size < NestedHeaderSize || size > bytes.Length))
        {
            kvm.Refuse(
                value.Offset, kvm.PathOf("nested_state"), string.Create(CultureInfo.InvariantCulture, $"a struct kvm_nested_state whose size is {NestedHeaderSize} to {bytes.Length}"),
                string.Create(CultureInfo.InvariantCulture, $"size {size}"), Advice);
            return [];
        }

        return [.. bytes.AsSpan(0, (int)size)];
    }

    private static IEnumerable<ObjectCursor> Rows(ObjectCursor kvm, string name)
        => Bounded(kvm, name, 0, MostRows, "rows").Select(item => kvm.Enter(item.Value, item.Path));

    private static byte[] Bytes(ObjectCursor cursor, string name, int least, int most, int smallest = 0)
        => [.. Integers(cursor, name, least, most, smallest, smallest + byte.MaxValue).Select(static value => unchecked((byte)value))];

    /// <summary>The numbers of an array; none after a fault, so that what is made of them is made of all.</summary>
    private static long[] Integers(ObjectCursor cursor, string name, int least, int most, long smallest, long largest)
    {
        long[] values = [.. Bounded(cursor, name, least, most, "numbers").Select(item => cursor.IntegerOf(item.Value, item.Path, smallest, largest))];
        return cursor.Scope.Fault is null ? values : [];
    }

    private static IEnumerable<(JsonValue Value, string Path)> Bounded(ObjectCursor cursor, string name, int least, int most, string what)
    {
        if (cursor.Required(name) is not { } array || cursor.Scope.Fault is not null)
        {
            return [];
        }

        if (array.Kind != JsonKind.Array || array.Items.Count < least || array.Items.Count > most)
        {
            string count = least == most ? string.Create(CultureInfo.InvariantCulture, $"{least}") : string.Create(CultureInfo.InvariantCulture, $"{least} to {most}");
            string found = array.Kind != JsonKind.Array ? array.ToString() : string.Create(CultureInfo.InvariantCulture, $"{array.Items.Count}");
            cursor.Refuse(array.Offset, cursor.PathOf(name), $"an array of {count} {what}", found, Advice);
            return [];
        }

        return cursor.Items(array, cursor.PathOf(name));
    }

    private static uint Number32(ObjectCursor row, string name) => (uint)Number(row, name, uint.MaxValue);

    private static ulong Number(ObjectCursor row, string name, ulong most)
    {
        if (row.Required(name) is not { } value)
        {
            return 0;
        }

        if (value.Kind == JsonKind.Number && ulong.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= most)
        {
            return number;
        }

        row.Refuse(value.Offset, row.PathOf(name), string.Create(CultureInfo.InvariantCulture, $"a whole number from 0 to {most}"), value.ToString(), Advice);
        return 0;
    }
}
