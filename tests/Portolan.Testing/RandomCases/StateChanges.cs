using System.Buffers.Binary;
using Portolan.Kvm.State;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Testing.RandomCases;

/// <summary>Random changes of a vCPU's state.</summary>
public static class StateChanges
{
    private const int Mxcsr = 24;
    private const int XstateBv = 512;
    private const int XcompBv = 520;
    private const int ImageEnd = 576;

    /// <summary>One of the changes.</summary>
    public static Change<VcpuState> Next(CaseRandom random) => random.Below(18) switch
    {
        0 or 1 => Flipped(random.Of(1UL, 2UL, 4UL, 0x18UL, 0xe0UL, 0x200UL, 0x20000UL, 0x60000UL, 0x100UL)),
        2 => Mask(random.Of(0UL, 1UL, 3UL, 7UL, 0xe7UL, 0x207UL, 0x2e7UL, 0x602e7UL)),
        3 => Header(random.Percent(50) ? XcompBv + 7 : 528 + random.Below(48), 0x80),
        4 => Word(Mxcsr, random.Of(0x1f80u, 0x9fc0u, 0x21f80u, 0x11f80u, 0x40000u)),
        5 => Xcr0(random.Of(1UL, 3UL, 7UL, 5UL, 0UL, 0xe7UL, 0x67UL, 0x207UL, 0x1fUL, 0xfUL, 0x602e7UL, 0x20007UL)),
        6 or 7 => Sregs(random),
        8 => LongMode(random.Bits()),
        9 or 10 => Msr(random),
        11 => Msr(MsrIndex.Ia32Xss, random.Of(0UL, 0x800UL, 0x1800UL, 0x100UL)),
        12 => Msr(MsrIndex.Ia32Xfd, random.Of(0UL, 1UL << 18, 1UL << 17)),
        13 => Events(random),
        14 => new($"DR7", static state => state with { DebugRegs = new KvmDebugRegs(0, 0, 0, 0, 0xffff0ff0, 1UL << 40, 0) }),
        15 => MpState((KvmMpState)random.Below(6)),
        16 => Tsc(random.Of(2_445_403u, 2_000_000u, 3_499_912u, 4_000_000u)),
        _ => Nested(random),
    };

    /// <summary>A nested state, of VMX or SVM.</summary>
    public static Change<VcpuState> Nested(CaseRandom random)
    {
        bool vmx = random.Percent(65);
        byte[] bytes = vmx ? NestedImages.Vmx(random) : NestedImages.Svm(random);
        ulong cr4 = vmx && random.Percent(75) ? 1UL << 13 : 0;
        ulong efer = !vmx && random.Percent(75) ? 1UL << 12 : 0;
        return new($"nested {Convert.ToHexStringLower(bytes.AsSpan(0, 32))}, {bytes.Length} bytes", state
            => With(state with { Nested = [.. bytes] }, registers => registers with { Cr4 = registers.Cr4 | cr4, Efer = registers.Efer | efer }));
    }

    private static Change<VcpuState> Flipped(ulong bits) => new($"XSTATE_BV ^{bits:x}", state => Edit(state, image
        => BinaryPrimitives.WriteUInt64LittleEndian(image[XstateBv..], BinaryPrimitives.ReadUInt64LittleEndian(image[XstateBv..]) ^ bits)));

    private static Change<VcpuState> Mask(ulong bv) => new($"XSTATE_BV={bv:x}", state => Edit(state, image => BinaryPrimitives.WriteUInt64LittleEndian(image[XstateBv..], bv)));

    private static Change<VcpuState> Header(int at, byte value) => new($"byte {at}={value:x}", state => Edit(state, image => image[at] = value));

    private static Change<VcpuState> Word(int at, uint value) => new($"MXCSR={value:x}", state => Edit(state, image => BinaryPrimitives.WriteUInt32LittleEndian(image[at..], value)));

    private static Change<VcpuState> Xcr0(ulong value) => new($"XCR0={value:x}", state => state with { Xcrs = KvmXcrs.Xcr0(value) });

    private static Change<VcpuState> Sregs(CaseRandom random)
    {
        ulong bit = random.Bit() & 0x7fffffff;
        return random.Below(7) switch
        {
            0 => Registers($"CR0 ^{bit:x}", registers => registers with { Cr0 = registers.Cr0 ^ bit }),
            1 or 2 => Registers($"CR4 ^{bit & 0x1ffffff:x}", registers => registers with { Cr4 = registers.Cr4 ^ (bit & 0x1ffffff) }),
            3 => Registers($"CR3 bit {random.Of(36, 40, 45, 46, 51, 61)}", random.Of(36, 40, 45, 46, 51, 61), static (registers, at) => registers with { Cr3 = registers.Cr3 | 1UL << at }),
            4 => Registers("EFER bit", random.Of(8, 10, 11, 12, 13, 14, 21), static (registers, at) => registers with { Efer = registers.Efer ^ 1UL << at }),
            5 => Registers("APIC_BASE bit", random.Of(9, 10, 11, 36, 41, 46), static (registers, at) => registers with { ApicBase = registers.ApicBase ^ 1UL << at }),
            _ => Registers("CS.L", static registers => registers with { Cs = registers.Cs with { L = 1 } }),
        };
    }

    /// <summary>Long mode, with some bits that need a feature.</summary>
    private static Change<VcpuState> LongMode(ulong seed) => Registers($"long mode ({seed:x})", registers =>
    {
        CaseRandom random = new(seed);
        ulong cr4 = GatedBits.Cr4.Aggregate(0UL, (bits, row) => row.Bit != 13 && random.Percent(50) ? bits | 1UL << row.Bit : bits);
        ulong efer = GatedBits.Efer.Aggregate(0UL, (bits, row) => row.Bit != 12 && random.Percent(30) ? bits | 1UL << row.Bit : bits);
        return registers with { Cr0 = 0x80010031, Cr3 = 0x1000, Cr4 = cr4 | 0x20, Efer = efer | 0x501, Cs = registers.Cs with { L = 1, Db = 0 } };
    });

    private static Change<VcpuState> Registers(string name, int at, Func<KvmSystemRegisters, int, KvmSystemRegisters> edit) => Registers($"{name} {at}", registers => edit(registers, at));

    private static Change<VcpuState> Registers(string name, Func<KvmSystemRegisters, KvmSystemRegisters> edit) => new(name, state => With(state, edit));

    private static VcpuState With(VcpuState state, Func<KvmSystemRegisters, KvmSystemRegisters> edit) => state with
    {
        Sregs = state.Sregs is { } one ? one with { Registers = edit(one.Registers) } : null,
        Sregs2 = state.Sregs2 is { } two ? two with { Registers = edit(two.Registers) } : null,
    };

    private static Change<VcpuState> Msr(CaseRandom random)
    {
        uint index = random.Percent(50) ? random.Of(0x3au, 0x277u, 0x174u, 0xc0000082u, 0x140u, 0x122u, 0x1a0u, 0x48u, 0x4b564d02u, 0x4b564d06u, 0xc0000103u, 0xceu, 0x10au, 0x345u, 0x6e0u) : HostChanges.AnyMsr(random);
        return Msr(index, random.Of(0UL, 1UL, 5UL, 7UL, random.Bit(), 0x0007040600070406UL, 1UL << 47, 1UL << 56, ulong.MaxValue));
    }

    private static Change<VcpuState> Msr(uint index, ulong value) => new($"MSR {index:x}={value:x}", state => state with
    {
        Msrs = [.. state.Msrs.Where(msr => msr.Index != index), new MsrValue(index, value)],
    });

    private static Change<VcpuState> Events(CaseRandom random)
    {
        uint flags = random.Of(0u, 1u, 8u, 16u, 32u, 48u, 64u, 0xdu);
        KvmVcpuEvents events = new(
            (byte)random.Below(2), random.Of<byte>(0, 2, 13, 14, 33), 0, (byte)random.Below(2), 0, 0, 0, 0, 0, 0, 0, 0, 0, flags, random.Of<byte>(0, 0, 1), 0, 0, 0, (byte)random.Below(2), 0, 0);
        return new($"events {flags:x} {events.ExceptionInjected}/{events.ExceptionPending}/{events.ExceptionNumber} smm {events.Smm}", state => state with { Events = events });
    }

    private static Change<VcpuState> MpState(KvmMpState value) => new($"MP state {value}", state => state with { MpState = value });

    private static Change<VcpuState> Tsc(uint khz) => new($"TSC {khz} kHz", state => state with { TscKhz = khz });

    private static VcpuState Edit(VcpuState state, SpanAction edit)
    {
        if (state.Xsave.Length < ImageEnd)
        {
            return state;
        }

        byte[] image = [.. state.Xsave];
        edit(image);
        return state with { Xsave = [.. image] };
    }

    private delegate void SpanAction(Span<byte> image);
}
