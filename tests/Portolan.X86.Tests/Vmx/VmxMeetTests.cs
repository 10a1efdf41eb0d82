using CsCheck;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxMeetTests
{
    private static readonly Gen<(VmxCapabilities A, VmxCapabilities B)> Pairs = Gen.Select(SampleCapabilities.Any, SampleCapabilities.Any);

    [Fact]
    public void The_meet_is_accepted_by_both()
    {
        int met = 0;
        Pairs.Sample(pair =>
        {
            if (VmxMeet.Of(pair.A, Friendly(pair.A, pair.B), out _) is { } meet)
            {
                Interlocked.Increment(ref met);
                Assert.Empty(VmxRestore.Refused(meet, pair.A));
                Assert.Empty(VmxRestore.Refused(meet, Friendly(pair.A, pair.B)));
            }
        });
        Assert.True(met > 50, $"only {met} pairs had a meet");
    }

    [Fact]
    public void The_meet_does_not_depend_on_the_order_and_a_host_meets_itself()
        => Pairs.Sample(pair =>
        {
            VmxCapabilities b = Friendly(pair.A, pair.B);
            return VmxMeet.Of(pair.A, b, out VmxRestoreRule one) == VmxMeet.Of(b, pair.A, out VmxRestoreRule other) && one == other
                && VmxMeet.Of(pair.A, pair.A, out _) == pair.A;
        });

    [Fact]
    public void Another_timer_rate_takes_the_timer_away()
    {
        VmxCapabilities a = SampleCapabilities.Kvm612;

        VmxCapabilities meet = Assert.NotNull(VmxMeet.Of(a, a with { Misc = a.Misc ^ 1 }, out _));

        Assert.False(meet.AllowsPreemptionTimer);
        Assert.Equal(0u, meet.TrueExit.MayBeOne & VmxBits.ExitSaveVmxPreemptionTimerValue);
    }

    [Fact]
    public void What_no_value_satisfies_is_named()
    {
        VmxCapabilities a = SampleCapabilities.Kvm612;

        Assert.Null(VmxMeet.Of(a, a with { Basic = a.Basic ^ 1 }, out VmxRestoreRule revision));
        Assert.Equal(VmxRestoreRule.BasicRevision, revision);
        Assert.Null(VmxMeet.Of(a, a with { Misc = a.Misc ^ 1UL << 40 }, out VmxRestoreRule mseg));
        Assert.Equal(VmxRestoreRule.MiscMseg, mseg);
        Assert.Null(VmxMeet.Of(a, a with { TruePinBased = VmxControlMsr.Of(0, 0) }, out VmxRestoreRule control));
        Assert.Equal(VmxRestoreRule.ControlMustBeOne, control);
    }

    [Fact]
    public void The_meet_of_6_12_and_5_10_has_no_TSC_scaling()
    {
        // EV: V is the meet of what both accept, 48BH without bit 25 (contract R4).
        VmxCapabilities a = SampleCapabilities.Kvm612;

        VmxCapabilities meet = Assert.NotNull(VmxMeet.Of(a, a with { Secondary = new(0x00137bff00000000) }, out _));

        Assert.Equal(0x00137bff00000000UL, meet.Secondary.Value);
    }

    /// <summary>The second host without must-be-one settings that the first forbids, and the other way round: else there is no meet.</summary>
    private static VmxCapabilities Friendly(in VmxCapabilities a, in VmxCapabilities b) => b with
    {
        TruePinBased = Friendly(a.TruePinBased, b.TruePinBased),
        TruePrimary = Friendly(a.TruePrimary, b.TruePrimary),
        TrueExit = Friendly(a.TrueExit, b.TrueExit),
        TrueEntry = Friendly(a.TrueEntry, b.TrueEntry),
        Secondary = Friendly(a.Secondary, b.Secondary),
    };

    private static VmxControlMsr Friendly(VmxControlMsr a, VmxControlMsr b) => VmxControlMsr.Of(b.MustBeOne & a.MayBeOne, b.MayBeOne | a.MustBeOne);
}
