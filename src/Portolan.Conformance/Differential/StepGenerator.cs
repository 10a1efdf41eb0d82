using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Differential;

/// <summary>Random sequences of ioctls for one vCPU: mostly near what a kernel takes, so that both answers occur. One seed, one sequence.</summary>
internal sealed class StepGenerator
{
    /// <summary>The call that gives a guest its CPUID.</summary>
    public const string SetCpuidCall = "KVM_SET_CPUID2";

    private const int LongestSequence = 24;
    private const int XstateBvAt = 512, XcompBvAt = 520, HeaderEnd = 576, MxcsrAt = 24;
    private const ulong NonCanonical = 1UL << 63, HighCanonical = 0xffffUL << 48 | 1UL << 47;

    /// <summary>MSRs that run by themselves, or that name guest memory, cannot be compared: TSC, kvmclock, steal time, the Hyper-V clock, the APIC's timer.</summary>
    private static readonly ImmutableHashSet<uint> Moving =
    [
        0x10, 0x3b, 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x6e0, 0x40000000, 0x40000001, 0x40000010, 0x40000020, 0x40000021, 0x40000022, 0x40000023, 0x40000073, 0x400000b0,
    ];

    private readonly HostSnapshot _host;
    private readonly CpuidTable _supported;
    private readonly uint[] _msrs;
    private readonly XFeatureMask _known;

    public StepGenerator(HostSnapshot host)
    {
        _host = host;
        _supported = host.SupportedCpuid?.Value ?? CpuidTable.Empty;
        _known = host.SupportedXcr0?.Value ?? XFeatureMask.Legacy;
        _msrs = [.. (host.SavedMsrs?.Value ?? []).Concat(host.FeatureMsrIndices?.Value ?? []).Append(0x12345u).Where(static index => !Moving.Contains(index)).Distinct().Order()];
    }

    /// <summary>The sequence of a seed.</summary>
    public ImmutableArray<DifferentialStep> Sequence(int seed)
    {
        // Reproducible: the runtime keeps the algorithm of a seeded generator.
#pragma warning disable CA5394
        Random random = new(seed);
        ImmutableArray<DifferentialStep>.Builder steps = ImmutableArray.CreateBuilder<DifferentialStep>();
        steps.Add(SetCpuid(random));
        int length = random.Next(4, LongestSequence);
        while (steps.Count < length)
        {
            steps.Add(random.Next(12) switch
            {
                0 => SetCpuid(random),
                1 or 2 or 3 => SetXsave(random),
                4 or 5 => SetXcrs(random),
                6 or 7 or 8 => SetMsr(random),
                9 or 10 => SetSregs(random),
                _ => random.Next(3) switch { 0 => SetDebugRegs(random), 1 => SetRegs(random), _ => SetMpState(random) },
            });
        }

        return steps.ToImmutable();
    }

    private DifferentialStep SetCpuid(Random random)
    {
        int kind = random.Next(5);
        int component = random.Next(2, 20);
        CpuidTable table = kind switch
        {
            0 => _supported.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf),
            1 => XsaveLeaf.Shrink(_supported, XFeatureMask.Of(component)),
            2 => CpuidTable.Empty,
            _ => _supported,
        };
        string words = kind switch { 0 => "supported without leaf 0DH", 1 => $"supported without component {component}", 2 => "empty", _ => "supported" };
        return new DifferentialStep(SetCpuidCall, "", words, vcpu => StepAnswer.Of(vcpu.SetCpuid2(table)));
    }

    private DifferentialStep SetXsave(Random random)
    {
        XFeatureMask bv = Components(random);
        byte[] image = CaseVcpu.Image(bv, CaseVcpu.LegacyImage, random.Next(4) == 0 ? (uint)random.Next() : CaseVcpu.InitialMxcsr);
        image[MxcsrAt + 8 + random.Next(XstateBvAt - MxcsrAt - 8 - 96)] = (byte)random.Next(256);
        string extra = "";
        if (random.Next(6) == 0)
        {
            int at = random.Next(XcompBvAt, HeaderEnd);
            image[at] = (byte)random.Next(1, 256);
            extra = $", byte {at} = 0x{image[at]:x2}";
        }

        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(MxcsrAt));
        return new DifferentialStep("KVM_SET_XSAVE", "", $"XSTATE_BV = {bv}, MXCSR = 0x{mxcsr:x}{extra}", vcpu => StepAnswer.Of(vcpu.SetXsave(image)));
    }

    private DifferentialStep SetXcrs(Random random)
    {
        ulong value = (Components(random).Bits & ~0UL) | (random.Next(8) == 0 ? 0UL : 1UL);
        uint flags = random.Next(20) == 0 ? 1u : 0;
        uint register = random.Next(20) == 0 ? (uint)random.Next(1, 4) : 0;
        KvmXcrs xcrs = new(flags, random.Next(20) == 0 ? [] : [new KvmXcr(register, value)]);
        return new DifferentialStep(
            "KVM_SET_XCRS", "", $"XCR{register} = 0x{value:x}, flags {flags}, {xcrs.Entries.Length} entries", vcpu => StepAnswer.Of(vcpu.SetXcrs(xcrs)));
    }

    private DifferentialStep SetMsr(Random random)
    {
        uint index = _msrs[random.Next(_msrs.Length)];
        ulong feature = _host.FeatureMsrs?.Value.TryGet(index, out ulong recorded) == true ? recorded : 0;
        ulong value = random.Next(8) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => NonCanonical,
            3 => HighCanonical | (uint)random.Next(),
            4 => (ulong)random.NextInt64(),
            5 => 1UL << random.Next(64),
            6 => feature,
            _ => feature ^ (1UL << random.Next(64)),
        };
        string name = string.Create(CultureInfo.InvariantCulture, $"{index:X}H");
        return new DifferentialStep("KVM_SET_MSRS", name, $"= 0x{value:x}", vcpu =>
        {
            KvmAnswer<int> taken = vcpu.SetMsrs([new MsrValue(index, value)]);
            Span<MsrValue> read = [new MsrValue(index, 0)];
            KvmAnswer<int> got = vcpu.GetMsrs(read);
            Errno errno = !taken.Ok ? taken.Errno : taken.Value == 1 ? Errno.None : Errno.EINVAL;
            // The model says that it cannot tell by an errno, or by a rule of the entry at which the list stopped.
            return !taken.Ok && taken.IsUnknown || !got.Ok && got.IsUnknown
                ? new StepAnswer(Errno.Unknown)
                : new StepAnswer(Errno.None, string.Create(CultureInfo.InvariantCulture, $"{(errno == Errno.None ? "taken" : errno)}, reads {(got.Ok && got.Value == 1 ? $"0x{read[0].Value:x}" : "refused")}"));
        });
    }

    private static DifferentialStep SetSregs(Random random)
    {
        (string register, ulong bit) = random.Next(4) switch
        {
            0 => ("CR0", 1UL << random.Next(random.Next(8) == 0 ? 64 : 32)),
            1 => ("CR4", 1UL << random.Next(random.Next(8) == 0 ? 64 : 32)),
            2 => ("EFER", 1UL << random.Next(random.Next(8) == 0 ? 64 : 22)),
            _ => ("CR8", (ulong)random.Next(20)),
        };
        return new DifferentialStep("KVM_SET_SREGS", register, $"^ 0x{bit:x}", vcpu =>
        {
            KvmAnswer<KvmSregs> sregs = vcpu.GetSregs();
            if (!sregs.Ok)
            {
                return StepAnswer.Of(sregs.WithoutValue());
            }

            KvmSystemRegisters now = sregs.Value.Registers;
            KvmSystemRegisters next = register switch
            {
                "CR0" => now with { Cr0 = now.Cr0 ^ bit },
                "CR4" => now with { Cr4 = now.Cr4 ^ bit },
                "EFER" => now with { Efer = now.Efer ^ bit },
                _ => now with { Cr8 = bit },
            };
            return StepAnswer.Of(vcpu.SetSregs(sregs.Value with { Registers = next }));
        });
    }

    private static DifferentialStep SetDebugRegs(Random random)
    {
        KvmDebugRegs regs = new(
            (ulong)random.NextInt64(), 0, 0, random.Next(4) == 0 ? NonCanonical : 0,
            random.Next(3) == 0 ? (ulong)random.NextInt64() : 0xffff0ff0, random.Next(3) == 0 ? (ulong)random.NextInt64() : 0x400, random.Next(8) == 0 ? 1u : 0);
        return new DifferentialStep("KVM_SET_DEBUGREGS", "", $"{regs}", vcpu => StepAnswer.Of(vcpu.SetDebugRegs(regs)));
    }

    private static DifferentialStep SetRegs(Random random)
    {
        KvmRegs regs = new KvmRegs() with { Rax = (ulong)random.NextInt64(), R15 = (ulong)random.NextInt64(), Rip = (ulong)random.NextInt64(), Rflags = 2 | (ulong)random.Next(1 << 12) };
        return new DifferentialStep("KVM_SET_REGS", "", $"{regs}", vcpu => StepAnswer.Of(vcpu.SetRegs(regs)));
    }

    private static DifferentialStep SetMpState(Random random)
    {
        KvmMpState state = (KvmMpState)random.Next(6);
        return new DifferentialStep("KVM_SET_MP_STATE", "", $"{(uint)state}", vcpu => StepAnswer.Of(vcpu.SetMpState(state)));
    }

    /// <summary>Mostly what the host supports, sometimes a bit more.</summary>
    private XFeatureMask Components(Random random)
    {
        ulong bits = random.Next(3) == 0 ? _known.Bits : _known.Bits & (ulong)random.NextInt64();
        bits |= random.Next(3) == 0 ? 0UL : 3UL;
        return new XFeatureMask(random.Next(4) == 0 ? bits | (1UL << random.Next(64)) : bits);
    }
#pragma warning restore CA5394
}
