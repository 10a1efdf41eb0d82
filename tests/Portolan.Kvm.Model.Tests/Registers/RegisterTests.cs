using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;
using Xunit;
using static Portolan.Kvm.Model.Tests.Vectors;

namespace Portolan.Kvm.Model.Tests.Registers;

/// <summary>XCR0, system registers, events, MP state and debug registers (contract C2, C8, S19).</summary>
public sealed class RegisterTests
{
    private const ulong LongModeCr0 = 0x80050033;
    private const ulong LongModeEfer = 0xd01;

    public static TheoryData<string> Xcr0Values => Lines("Registers", "xcr0.txt");

    [Theory]
    [MemberData(nameof(Xcr0Values))]
    public void C2_xcr0(string line)
    {
        string[] fields = line.Split('\t');
        HostSnapshot host = fields[0] == "spr" ? Hosts.Spr("6.12.117") : Hosts.Skx("6.12.117");
        ModelSystem system = Bench.System(host);
        _ = system.RequestXcompGuestPermission(18);
        IKvmVcpu vcpu = Bench.Vcpu(system, Hosts.Guest(host, Hex(fields[1])));

        KvmAnswer answer = vcpu.SetXcrs(KvmXcrs.Xcr0(Hex(fields[2])));

        Assert.Equal((fields[3], fields[4]), (answer.ToString(), answer.Rule?.Id ?? "-"));
        Assert.Equal(answer.Ok ? Hex(fields[2]) : 1, vcpu.GetXcrs().Value.Entries[0].Value);
    }

    [Fact]
    public void C8_what_the_snapshot_does_not_know_of_the_host_is_no_refusal()
    {
        CpuidFeature la57 = FeatureTable.Get("la57");
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable guest = Hosts.Guest(host).WithValue(la57, 1);
        HostSnapshot partly = host with { UnknownCpuidBits = CpuidTable.Empty.WithValue(la57, 1) };

        Assert.Equal("sregs.cr4.host", SetLa57(Bench.Vcpu(host, guest)).Rule?.Id);
        Assert.True(SetLa57(Bench.Vcpu(partly, guest)).IsUnknown);

        static KvmAnswer SetLa57(IKvmVcpu vcpu)
        {
            KvmSregs sregs = vcpu.GetSregs().Value;
            return vcpu.SetSregs(sregs with { Registers = sregs.Registers with { Cr4 = 1 << 12 } });
        }
    }

    [Fact]
    public void C2_the_shape_of_the_argument()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        ImmutableArray<KvmXcr> many = [.. Enumerable.Range(1, 17).Select(i => new KvmXcr((uint)i, 1))];

        Assert.Equal("xcrs.count", vcpu.SetXcrs(new KvmXcrs(0, many)).Rule?.Id);
        Assert.Equal("xcrs.flags", vcpu.SetXcrs(new KvmXcrs(1, [new KvmXcr(0, 1)])).Rule?.Id);
        Assert.True(vcpu.SetXcrs(new KvmXcrs(0, [new KvmXcr(1, 99), new KvmXcr(0, 3), new KvmXcr(0, 0)])).Ok);
        Assert.Equal(3ul, vcpu.GetXcrs().Value.Entries[0].Value);
    }

    [Theory]
    [InlineData(LongModeCr0, 0x20ul, 0x1000ul, LongModeEfer, 1, null)]
    [InlineData(LongModeCr0, 0x0ul, 0x1000ul, LongModeEfer, 1, "sregs.long-mode")]
    [InlineData(LongModeCr0, 0x20ul, 0x1000ul, 0x901ul, 1, "sregs.long-mode")]
    [InlineData(LongModeCr0, 0x20ul, 0x4000000000000ul, LongModeEfer, 1, "sregs.cr3")]
    [InlineData(0x60000010ul, 0x0ul, 0x0ul, 0x400ul, 0, "sregs.long-mode")]
    [InlineData(0x60000010ul, 0x0ul, 0x0ul, 0x0ul, 1, "sregs.long-mode")]
    [InlineData(0x60000010ul, 0x8000ul, 0x0ul, 0x0ul, 0, "sregs.cr4.reserved")]
    [InlineData(0x60000010ul, 0x400000ul, 0x0ul, 0x0ul, 0, "sregs.cr4.host")]
    [InlineData(0x60000010ul, 0x40000ul, 0x0ul, 0x0ul, 0, null)]
    [InlineData(0x60000010ul, 0x2000ul, 0x0ul, 0x0ul, 0, null)]
    [InlineData(0x20000010ul, 0x0ul, 0x0ul, 0x0ul, 0, "sregs.cr0")]
    [InlineData(0xe0000010ul, 0x0ul, 0x0ul, 0x0ul, 0, "sregs.cr0")]
    [InlineData(0x160000010ul, 0x0ul, 0x0ul, 0x0ul, 0, "sregs.cr0")]
    [InlineData(0x60000010ul, 0x0ul, 0x0ul, 0x1000ul, 0, "sregs.efer.host")]
    [InlineData(0x60000010ul, 0x0ul, 0x0ul, 0x2ul, 0, "sregs.efer.host")]
    public void C8_system_registers(ulong cr0, ulong cr4, ulong cr3, ulong efer, byte csL, string? clause)
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable guest = Hosts.Guest(host).With(0x80000001, 0, new CpuidValues(0, 0, 0, 0x20100800));
        IKvmVcpu vcpu = Bench.Vcpu(host with { SupportedCpuid = Hosts.Of(guest) }, guest);
        KvmSystemRegisters reset = vcpu.GetSregs().Value.Registers;
        KvmSregs wanted = new(reset with { Cr0 = cr0, Cr4 = cr4, Cr3 = cr3, Efer = efer, Cs = reset.Cs with { L = csL } }, default);

        KvmAnswer answer = vcpu.SetSregs(wanted);

        Assert.Equal(clause, answer.Rule?.Id);
        Assert.Equal(clause is null ? cr4 : 0, vcpu.GetSregs().Value.Registers.Cr4);
    }

    [Fact]
    public void C8_cr4_and_efer_follow_the_guests_cpuid()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable guest = Hosts.Guest(host);
        CpuidValues version = guest.GetOrZero(1);
        IKvmVcpu vcpu = Bench.Vcpu(host, guest.With(1, 0, version with { Ecx = version.Ecx & ~(1u << 26 | 1u << 5) }));
        KvmSystemRegisters reset = vcpu.GetSregs().Value.Registers;

        Assert.Equal("sregs.cr4.guest", vcpu.SetSregs(new KvmSregs(reset with { Cr4 = 1 << 18 }, default)).Rule?.Id);
        Assert.Equal("sregs.cr4.guest", vcpu.SetSregs(new KvmSregs(reset with { Cr4 = 1 << 13 }, default)).Rule?.Id);
        Assert.Equal("sregs.efer.guest", Bench.Vcpu(host).SetSregs(new KvmSregs(reset with { Efer = 0x100 }, default)).Rule?.Id);
        Assert.Equal("sregs.apic-base", vcpu.SetSregs(new KvmSregs(reset with { ApicBase = 0xfee00400 }, default)).Rule?.Id);
    }

    [Fact]
    public void Sregs2_exists_where_the_capability_says_so()
    {
        Assert.Equal("sregs.sregs2-absent", Bench.Vcpu(Hosts.Skx("5.10.218")).GetSregs2().Rule?.Id);
        IKvmVcpu vcpu = Bench.Vcpu(Hosts.Skx("6.12.117"));
        KvmSregs2 read = vcpu.GetSregs2().Value;
        Assert.Equal("sregs.pdptrs", vcpu.SetSregs2(read with { Flags = 1 }).Rule?.Id);
        Assert.True(vcpu.SetSregs2(read).Ok);
    }

    [Fact]
    public void Xgetbv_and_xsetbv_need_osxsave()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.Equal(GuestFault.UD, vcpu.Guest.Xgetbv(0).Fault);
        KvmSystemRegisters reset = vcpu.GetSregs().Value.Registers;
        Assert.True(vcpu.SetSregs(new KvmSregs(reset with { Cr4 = 1 << 18 }, default)).Ok);

        Assert.Equal(new XFeatureMask(1), vcpu.Guest.Xgetbv(0).Value);
        Assert.Equal(GuestFault.GP, vcpu.Guest.Xsetbv(0, new XFeatureMask(0x5)).Fault);
        Assert.Equal(GuestFault.GP, vcpu.Guest.Xsetbv(1, new XFeatureMask(1)).Fault);
        Assert.True(vcpu.Guest.Xsetbv(0, new XFeatureMask(0xe7)).Ok);
        Assert.Equal(0xe7ul, vcpu.GetXcrs().Value.Entries[0].Value);
    }

    [Fact]
    public void Events_mp_state_and_debug_registers()
    {
        IKvmVcpu vcpu = Bench.Vcpu(Hosts.Skx("6.12.117"));
        KvmVcpuEvents events = vcpu.GetVcpuEvents().Value;

        Assert.True(vcpu.SetVcpuEvents(events).Ok);
        Assert.Equal("events.flags", vcpu.SetVcpuEvents(events with { Flags = 0x10 }).Rule?.Id);
        Assert.Equal("events.exception", vcpu.SetVcpuEvents(events with { ExceptionInjected = 1, ExceptionNumber = 32 }).Rule?.Id);
        Assert.Equal("mp-state.value", vcpu.SetMpState(KvmMpState.Halted).Rule?.Id);
        Assert.Equal("debugregs.upper", vcpu.SetDebugRegs(new KvmDebugRegs(0, 0, 0, 0, 1UL << 32, 0, 0)).Rule?.Id);
        Assert.Equal("lapic.absent", vcpu.GetLapic(new byte[1024]).Rule?.Id);
    }
}
