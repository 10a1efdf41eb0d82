using CsCheck;
using Portolan.Testing;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxCapabilitiesTests
{
    private static readonly VmxCapabilities Host = SampleCapabilities.Kvm612;

    [Fact]
    public void The_default1_classes_are_the_kernels()
    {
        // Contract M6.
        Assert.Equal(0x16u, VmxBits.PinBasedDefault1);
        Assert.Equal(0x0401e172u, VmxBits.PrimaryDefault1);
        Assert.Equal(0x00036dffu, VmxBits.ExitDefault1);
        Assert.Equal(0x000011ffu, VmxBits.EntryDefault1);
    }

    [Theory]
    [InlineData("intel-5.10.218.txt")]
    [InlineData("intel-6.1.192.txt")]
    [InlineData("intel-6.12.117.txt")]
    public void A_measured_host_reads_back_whole_with_its_derived_MSRs(string observations)
    {
        MsrTable values = MsrTable.From(KernelObservations.Msrs(observations, "SYS").Select(msr => new MsrValue(msr.Index, msr.Value)));

        Assert.True(VmxCapabilitiesReader.TryRead(values, out VmxCapabilities host, out _));

        Assert.Equal(18, values.Count);
        Assert.All(values, row => Assert.Equal(row.Value, host.ValueOf(row.Index)));
    }

    [Fact]
    public void With_then_TryGet_gives_the_value_back_and_touches_nothing_else()
        => Gen.Select(SampleCapabilities.Any, SampleCapabilities.Restorable, Gen.ULong).Sample((host, index, value) =>
        {
            VmxCapabilities changed = host.With(index, value);
            return changed.ValueOf(index) == value && changed.With(index, host.ValueOf(index)) == host;
        });

    [Fact]
    public void A_host_without_TRUE_MSRs_is_read_from_the_others()
    {
        MsrTable values = Whole(Host with { Basic = Host.Basic & ~VmxBits.BasicDefault1ControlsMayBe0 });
        values = values.Without(MsrIndex.Ia32VmxTruePinbasedCtls).Without(MsrIndex.Ia32VmxTrueProcbasedCtls)
            .Without(MsrIndex.Ia32VmxTrueExitCtls).Without(MsrIndex.Ia32VmxTrueEntryCtls);

        Assert.True(VmxCapabilitiesReader.TryRead(values, out VmxCapabilities read, out _));

        Assert.Equal(Host.Primary, read.TruePrimary);
    }

    [Theory]
    [InlineData(0x480u)]
    [InlineData(0x485u)]
    [InlineData(0x489u)]
    [InlineData(0x48bu)]
    [InlineData(0x48cu)]
    [InlineData(0x48eu)]
    [InlineData(0x491u)]
    public void A_missing_MSR_is_named(uint index)
    {
        Assert.False(VmxCapabilitiesReader.TryRead(Whole(Host).Without(index), out _, out uint missing));
        Assert.Equal(index, missing);
    }

    [Fact]
    public void Secondary_controls_are_not_missed_where_no_control_announces_them()
    {
        VmxCapabilities small = Host with { TruePrimary = new(Host.TruePrimary.Value & ~((ulong)VmxBits.PrimaryActivateSecondaryControls << 32)) };
        MsrTable values = Whole(small).Without(MsrIndex.Ia32VmxProcbasedCtls2).Without(MsrIndex.Ia32VmxEptVpidCap).Without(MsrIndex.Ia32VmxVmfunc);

        Assert.True(VmxCapabilitiesReader.TryRead(values, out VmxCapabilities read, out _));
        Assert.Equal(0UL, read.Secondary.Value);
    }

    [Fact]
    public void ToRestorable_reads_as_what_a_VMM_writes()
    {
        MsrTable written = VmxCapabilitiesReader.ToRestorable(Host);

        Assert.Equal(12, written.Count);
        Assert.All(written, row => Assert.True(VmxRestore.Check(row.Index, row.Value, Host, Host).Accepted));
    }

    [Fact]
    public void A_derived_MSR_cannot_be_replaced()
        => Assert.Throws<ArgumentOutOfRangeException>(() => Host.With(MsrIndex.Ia32VmxPinbasedCtls, 0));

    [Fact]
    public void Refused_controls_are_those_the_MSR_forbids()
    {
        VmxControlMsr msr = VmxControlMsr.Of(0x16, 0x7f);

        Assert.Equal(0u, msr.Refused(0x16));
        Assert.Equal(0x2u, msr.Refused(0x14));
        Assert.Equal(0x80u, msr.Refused(0x96));
        Assert.Equal(0x69u, msr.Selectable);
    }

    private static MsrTable Whole(VmxCapabilities host)
        => MsrTable.From(Enumerable.Range(0, 18).Select(i => MsrIndex.Ia32VmxBasic + (uint)i).Select(index => new MsrValue(index, host.ValueOf(index))));
}
