using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Cpuid;

/// <summary>KVM_SET_CPUID2 and its run-time bits (contract C4 to C7).</summary>
public sealed class CpuidRulesTests
{
    [Theory]
    [InlineData("5.10.13", 80, "ok")]
    [InlineData("5.10.13", 81, "E2BIG")]
    [InlineData("5.10.218", 256, "ok")]
    [InlineData("5.10.100", 80, "ok")]
    [InlineData("5.10.100", 81, "Unknown")]
    [InlineData("6.12.117", 256, "ok")]
    [InlineData("6.12.117", 257, "E2BIG")]
    public void C6_entries(string release, int count, string expected)
    {
        CpuidTable table = CpuidTable.From(Enumerable.Range(0, count).Select(i => new CpuidEntry(new CpuidAddress(0x20000000 + (uint)i, 0), false, default)));

        Assert.Equal(expected, Bench.Vcpu(Hosts.Skx(release)).SetCpuid2(table).ToString());
    }

    [Theory]
    [InlineData(0u, true)]
    [InlineData(48u, true)]
    [InlineData(57u, true)]
    [InlineData(47u, false)]
    [InlineData(64u, false)]
    public void C6_linear_width(uint width, bool accepted)
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable table = Hosts.Guest(host).With(0x80000008, 0, new CpuidValues(width << 8 | 46, 0, 0, 0));

        Assert.Equal(accepted, Bench.Vcpu(host).SetCpuid2(table).Ok);
    }

    [Theory]
    [InlineData("5.10.218", true, true)]
    [InlineData("5.16.0", false, false)]
    [InlineData("6.1.192", true, false)]
    [InlineData("6.12.117", true, false)]
    public void C5_after_the_first_run(string release, bool equalAccepted, bool otherAccepted)
    {
        HostSnapshot host = Hosts.Skx(release);
        CpuidTable table = Hosts.Guest(host);
        IKvmVcpu vcpu = Bench.Vcpu(host, table);
        Assert.True(vcpu.Run().Ok);

        Assert.Equal(equalAccepted, vcpu.SetCpuid2(vcpu.GetCpuid2().Value).Ok);
        Assert.Equal(equalAccepted, vcpu.SetCpuid2(table).Ok);
        Assert.Equal(otherAccepted, vcpu.SetCpuid2(table.With(2, 0, new CpuidValues(1, 0, 0, 0))).Ok);
    }

    [Fact]
    public void C4_run_time_bits_follow_the_registers()
    {
        HostSnapshot host = Hosts.Spr("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host, 0x60000));
        CpuidTable before = vcpu.GetCpuid2().Value;
        KvmSystemRegisters reset = vcpu.GetSregs().Value.Registers;
        Assert.True(vcpu.SetSregs(new KvmSregs(reset with { Cr4 = 1 << 18 | 1 << 22, ApicBase = 0xfee00000 }, default)).Ok);
        Assert.True(vcpu.SetXcrs(KvmXcrs.Xcr0(0x2e7)).Ok);
        CpuidTable after = vcpu.GetCpuid2().Value;

        Assert.Equal((0u, 1u), (before.GetOrZero(1).Ecx >> 27 & 1, after.GetOrZero(1).Ecx >> 27 & 1));
        Assert.Equal((1u, 0u), (before.GetOrZero(1).Edx >> 9 & 1, after.GetOrZero(1).Edx >> 9 & 1));
        Assert.Equal((0u, 1u), (before.GetOrZero(7).Ecx >> 4 & 1, after.GetOrZero(7).Ecx >> 4 & 1));
        Assert.Equal((576u, 2696u), (before.GetOrZero(0xd).Ebx, after.GetOrZero(0xd).Ebx));
        Assert.Equal(576u + 256 + 64 + 512 + 1024 + 8, after.GetOrZero(0xd, 1).Ebx);
        Assert.Equal(after.GetOrZero(0xd), vcpu.Guest.Cpuid(0xd, 0).Value);
    }

    [Fact]
    public void C4_cpuid_of_the_guest_beyond_the_table()
    {
        HostSnapshot intel = Hosts.Skx("6.12.117");
        HostSnapshot amd = Hosts.AmdMax("6.12.117");
        CpuidTable table = Hosts.Guest(intel).With(0x16, 0, new CpuidValues(1, 2, 3, 4));

        Assert.Equal(new CpuidValues(1, 2, 3, 4), Bench.Vcpu(intel, table).Guest.Cpuid(0x30, 0).Value);
        Assert.Equal(default, Bench.Vcpu(intel, table).Guest.Cpuid(5, 0).Value);
        Assert.Equal(default, Bench.Vcpu(amd, Hosts.Guest(amd)).Guest.Cpuid(0x30, 0).Value);
    }

    [Fact]
    public void T6_a_host_that_rewrites_leaf_0dh()
    {
        HostSnapshot host = Hosts.Skx("6.18.44").With("cpuid.rewrite", "leaf-0d-from-hardware");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host, 0xe0));

        Assert.Equal(0xe7u, vcpu.GetCpuid2().Value.GetOrZero(0xd).Eax);
        Assert.True(vcpu.SetXsave(Bench.Image(0xe7)).Ok);
        Assert.Equal(0xe7ul, Bench.Bv(Bench.Get(vcpu)));
        Assert.True(vcpu.Run().Ok);
        Assert.Equal("cpuid.set.after-run", vcpu.SetCpuid2(Hosts.Guest(host, 0xe0)).Rule?.Id);
        Assert.True(vcpu.SetCpuid2(vcpu.GetCpuid2().Value).Ok);
        IKvmVcpu empty = Bench.Vcpu(host, CpuidTable.Empty);
        Assert.True(empty.SetXsave(Bench.Image(0xe7)).Ok);
        Assert.Equal(0x3ul, Bench.Bv(Bench.Get(empty)));
    }
}
