using System.Globalization;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using Xunit;
using static Portolan.Kvm.Model.Tests.Vectors;

namespace Portolan.Kvm.Model.Tests.Msr;

/// <summary>MSRs beside the VMX capability MSRs' predicate (contract section 3).</summary>
public sealed class MsrTests
{
    public static TheoryData<string> Writes => Lines("Msr", "msr-writes.txt");

    [Theory]
    [MemberData(nameof(Writes))]
    public void Writing_one_msr(string line)
    {
        string[] fields = line.Split('\t');
        HostSnapshot host = Hosts.Skx(fields[0]);
        IKvmVcpu vcpu = Bench.Vcpu(host, GuestWithout(host, fields[1]));
        MsrValue[] entry = [new((uint)Hex(fields[2]), Hex(fields[3]))];

        KvmAnswer<int> written = vcpu.SetMsrs(entry);

        Assert.Equal(int.Parse(fields[4], CultureInfo.InvariantCulture), written.ValueOr(-1));
        Assert.Equal(fields[5], vcpu.LastMsrRefusal?.Id ?? "-");
        if (written.ValueOr(0) == 1)
        {
            MsrValue[] read = [new(entry[0].Index, 0)];
            Assert.Equal(1, vcpu.GetMsrs(read).Value);
            Assert.Equal(entry[0], read[0]);
        }
    }

    [Fact]
    public void M1_writing_stops_at_the_first_refusal_and_keeps_what_came_before()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        MsrValue[] entries = [new(0x174, 7), new(0x481, 1), new(0x176, 9)];

        Assert.Equal(1, vcpu.SetMsrs(entries).Value);
        Assert.Equal("msr.vmx.derived", vcpu.LastMsrRefusal?.Id);
        MsrValue[] read = [new(0x174, 0), new(0x176, 0)];
        Assert.Equal(2, vcpu.GetMsrs(read).Value);
        Assert.Equal((7ul, 0ul), (read[0].Value, read[1].Value));
        Assert.Null(vcpu.LastMsrRefusal);
    }

    [Theory]
    [InlineData("6.1.192", 1)]
    [InlineData("6.12.117", 0)]
    public void M4_feature_msrs_after_the_first_run(string release, int otherAccepted)
    {
        HostSnapshot host = Hosts.Skx(release);
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.True(vcpu.Run().Ok);

        Assert.Equal(1, vcpu.SetMsrs([new(0x48b, 0x02137bff00000000)]).Value);
        Assert.Equal(otherAccepted, vcpu.SetMsrs([new(0x48b, 0x00137bff00000000)]).Value);
        Assert.Equal(otherAccepted == 1 ? null : "msr.feature-after-run", vcpu.LastMsrRefusal?.Id);
        Assert.Equal(1, vcpu.SetMsrs([new(0x8b, 1)]).Value);
    }

    [Fact]
    public void M5_with_the_quirk_off_feature_msrs_start_at_zero()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        IKvmVm vm = Bench.System(host).CreateVm().Value;
        Assert.Equal("capability.quirks", vm.EnableCapability(KvmCapability.DisableQuirks2, 1 << 9).Rule?.Id);
        Assert.True(vm.EnableCapability(KvmCapability.DisableQuirks2, 1 << 8).Ok);
        IKvmVcpu vcpu = vm.CreateVcpu(0).Value;
        Assert.True(vcpu.SetCpuid2(Hosts.Guest(host)).Ok);
        MsrValue[] read = [new(0x480, 1), new(0x10a, 1), new(0xce, 1), new(0x8b, 1)];

        Assert.Equal(4, vcpu.GetMsrs(read).Value);
        Assert.All(read, row => Assert.Equal(0ul, row.Value));
        Assert.Equal(1, vcpu.SetMsrs([new(0x480, 0x00d8100011e57ed0)]).Value);
    }

    [Fact]
    public void M12_the_timers_rate_matters_while_the_pin_controls_have_the_timer()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        MsrValue rate = new(0x485, 0x20000166);
        MsrValue withoutTimer = new(0x48d, 0x000000bf00000016);

        Assert.Equal(0, Bench.Vcpu(host, Hosts.Guest(host)).SetMsrs([rate, withoutTimer]).Value);
        Assert.Equal(2, Bench.Vcpu(host, Hosts.Guest(host)).SetMsrs([withoutTimer, rate]).Value);
    }

    [Fact]
    public void M5_a_cleared_control_can_be_set_again_where_kvm_compares_with_its_maxima()
    {
        MsrValue cleared = new(0x48b, 0x02137bfe00000000);
        MsrValue full = new(0x48b, 0x02137bff00000000);
        foreach ((string against, int expected) in (ReadOnlySpan<(string, int)>)[("maxima", 2), ("current", 1)])
        {
            HostSnapshot host = Hosts.Skx("6.12.117").With("vmx.restore-against", against);
            Assert.Equal(expected, Bench.Vcpu(host, Hosts.Guest(host)).SetMsrs([cleared, full]).Value);
        }

        HostSnapshot unknown = Hosts.Skx("6.12.117").Without("vmx.restore-against");
        Assert.Equal(1, Bench.Vcpu(unknown, Hosts.Guest(unknown)).SetMsrs([cleared]).Value);
        Assert.True(Bench.Vcpu(unknown, Hosts.Guest(unknown)).SetMsrs([cleared, full]).IsUnknown);
    }

    [Fact]
    public void X39_xss_from_6_18_follows_the_guests_cpuid()
    {
        HostSnapshot host = Hosts.Skx("6.18.44") with { SupportedXss = Hosts.Of(new XFeatureMask(0x1800)) };
        CpuidTable table = Hosts.Guest(host);
        CpuidValues supervisor = table.GetOrZero(0xd, 1);
        IKvmVcpu promised = Bench.Vcpu(host, table.With(0xd, 1, supervisor with { Ecx = 0x1800 }));

        Assert.Equal(1, promised.SetMsrs([new(0xda0, 0x1800)]).Value);
        Assert.Equal(0, promised.SetMsrs([new(0xda0, 0x100)]).Value);
        Assert.Equal(0, Bench.Vcpu(host, table).SetMsrs([new(0xda0, 0x1800)]).Value);
    }

    [Fact]
    public void The_guest_reads_and_writes_what_its_cpuid_gives_it()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        IGuestCpu without = Bench.Vcpu(host, GuestWithout(host, "arch-caps")).Guest;
        IGuestCpu with = Bench.Vcpu(host, Hosts.Guest(host)).Guest;

        Assert.Equal(GuestFault.GP, without.Rdmsr(0x10a).Fault);
        Assert.Equal(0xc04e0bul, with.Rdmsr(0x10a).Value);
        Assert.Equal("msr.read-only-for-guest", with.Wrmsr(0x10a, 0).Rule?.Id);
        Assert.Equal("msr.read-only-for-guest", with.Wrmsr(0x485, 0).Rule?.Id);
        Assert.True(with.Wrmsr(0x174, 5).Ok);
        Assert.Equal(5ul, with.Rdmsr(0x174).Value);
    }

    [Fact]
    public void M20_the_guests_tsc_frequency()
    {
        HostSnapshot host = Hosts.Skx("6.12.117").WithCapability("KVM_CAP_TSC_CONTROL", 0);
        IKvmVcpu vcpu = Bench.Vcpu(host);

        Assert.True(vcpu.SetTscKhz(2_500_100).Ok);
        Assert.True(vcpu.SetTscKhz(3_000_000).Ok);
        Assert.Equal("tsc.khz", vcpu.SetTscKhz(2_000_000).Rule?.Id);
        Assert.True(Bench.Vcpu(Hosts.Skx("6.12.117")).SetTscKhz(2_000_000).Ok);
        Assert.True(Bench.Vcpu(host with { TscKhz = null }).SetTscKhz(2_000_000).IsUnknown);
    }

    [Fact]
    public void X38_the_shadow_stack_pointer_is_a_register_from_6_18_on()
    {
        const ulong Ssp = 0x2030000300000000;
        HostSnapshot host = Hosts.Skx("6.18.44");
        CpuidTable table = Hosts.Guest(host);
        CpuidValues seven = table.GetOrZero(7);
        IKvmVcpu vcpu = Bench.Vcpu(host, table.With(7, 0, seven with { Ecx = seven.Ecx | 1u << 7 }));

        Assert.True(vcpu.SetOneReg(Ssp, 0x1000).Ok);
        Assert.Equal(0x1000ul, vcpu.GetOneReg(Ssp).Value);
        Assert.Equal([Ssp], vcpu.GetRegList().Value);
        Assert.Equal("one-reg.ssp", Bench.Vcpu(host, table).SetOneReg(Ssp, 0).Rule?.Id);
        Assert.Equal("one-reg.unknown", Bench.Vcpu(Hosts.Skx("6.12.117")).GetOneReg(Ssp).Rule?.Id);
    }

    [Fact]
    public void S13_enforcing_the_pv_cpuid_closes_msrs_that_it_does_not_promise()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable table = Hosts.Guest(host)
            .With(0x40000000, 0, new CpuidValues(0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d))
            .With(0x40000001, 0, new CpuidValues(1 << 3, 0, 0, 0));
        IKvmVcpu vcpu = Bench.Vcpu(host, table);
        Assert.Equal(1, vcpu.SetMsrs([new(0x4b564d03, 1)]).Value);
        Assert.True(vcpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 1).Ok);

        Assert.Equal(0, vcpu.SetMsrs([new(0x4b564d03, 1)]).Value);
        Assert.Equal("msr.pv-feature", vcpu.LastMsrRefusal?.Id);
        Assert.Equal(1, vcpu.SetMsrs([new(0x4b564d01, 1)]).Value);
        Assert.True(vcpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 0).Ok);
        Assert.Equal(1, vcpu.SetMsrs([new(0x4b564d03, 1)]).Value);
    }

    private static CpuidTable GuestWithout(HostSnapshot host, string feature)
    {
        CpuidTable table = Hosts.Guest(host);
        return feature switch
        {
            "arch-caps" => table.With(7, 0, table.GetOrZero(7) with { Edx = table.GetOrZero(7).Edx & ~(1u << 29) }),
            "vmx" => table.With(1, 0, table.GetOrZero(1) with { Ecx = table.GetOrZero(1).Ecx & ~(1u << 5) }),
            _ => table,
        };
    }
}
