using CsCheck;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

/// <summary>VMX capability MSRs of which some bits are unknown: what is said of them holds whatever those bits are.</summary>
public sealed class KnownVmxCapabilitiesTests
{
    private static readonly uint[] Written = [.. VmxCapabilitiesReader.RestoreOrder];

    [Fact]
    public void A_write_that_known_bits_decide_is_answered_as_if_all_were_known_and_one_that_they_do_not_decide_is_not_answered()
    {
        int refused = 0;
        int accepted = 0;
        int open = 0;
        Gen.Select(SampleCapabilities.Any, SampleCapabilities.Any, Gen.Int[0, Written.Length - 1], Gen.ULong, Gen.ULong, Gen.ULong).Sample((host, vcpu, which, random, some, other) =>
        {
            uint index = Written[which];
            ulong own = host.ValueOf(index);
            ulong value = (random & 7) == 0 ? other : own ^ (random & 7) switch { 1 => 1UL << (int)(other % 64), 2 => other & some, _ => 0 };
            ulong known = (random & 0x18) == 0 ? ulong.MaxValue : (random & 0x20) == 0 ? some | other : ~(1UL << (int)(some % 64));
            KnownVmxCapabilities partly = KnownVmxCapabilities.All(host).With(index, own, known);
            KnownVmxCapabilities current = KnownVmxCapabilities.All(vcpu);

            VmxRestoreAnswer? answer = VmxRestore.Check(index, value, partly, current);

            // Whatever the unknown bits are: as they are, all the value's, with the kindest numbers, all the opposite, any.
            ulong kind = index == MsrIndex.Ia32VmxBasic ? value & ~VmxBits.BasicVmxonAndVmcsRegionSize
                : index == MsrIndex.Ia32VmxMisc ? value | VmxBits.MiscCr3TargetCount | VmxBits.MiscMaximumMsrListSize
                : value;
            bool[] ways = [.. new[] { own, value, kind, ~value, 0UL, ulong.MaxValue, other, some }.Select(bits => Accepts(index, value, host, vcpu, (own & known) | (bits & ~known)))];
            if (answer is { } decided)
            {
                Assert.All(ways, way => Assert.True(way == decided.Accepted, $"MSR {index:X}H, own {own:x16} known {known:x16}, value {value:x16}: {decided}"));
                Interlocked.Increment(ref decided.Accepted ? ref accepted : ref refused);
            }
            else
            {
                Assert.NotEqual(ulong.MaxValue, known);
                Assert.True(ways.Contains(true) && ways.Contains(false), $"MSR {index:X}H, own {own:x16} known {known:x16}, value {value:x16}: decided by what is known");
                Interlocked.Increment(ref open);
            }
        }, iter: 20_000);
        Assert.All([refused, accepted, open], static count => Assert.True(count > 500, $"only {count}"));
    }

    [Fact]
    public void Where_the_pin_based_controls_are_not_known_the_timers_rate_is_open_only_if_it_differs()
    {
        SampleCapabilities.Any.Sample(host =>
        {
            KnownVmxCapabilities all = KnownVmxCapabilities.All(host);
            KnownVmxCapabilities vcpu = all.With(MsrIndex.Ia32VmxTruePinbasedCtls, 0, 0);

            Assert.Null(vcpu.AllowsPreemptionTimer);
            Assert.Equal(VmxRestore.Check(MsrIndex.Ia32VmxMisc, host.Misc, host, host), VmxRestore.Check(MsrIndex.Ia32VmxMisc, host.Misc, all, vcpu));
            Assert.Null(VmxRestore.Check(MsrIndex.Ia32VmxMisc, host.Misc ^ 1, all, vcpu));
        }, iter: 100);
    }

    [Fact]
    public void An_eVMCS_filter_leaves_unknown_only_what_it_does_not_take_away()
    {
        EvmcsFilterSet filter = EvmcsFilterSets.Of(EvmcsSpan.EA);
        Gen.Select(SampleCapabilities.Any, Gen.ULong).Sample((host, known) =>
        {
            KnownVmxCapabilities partly = KnownVmxCapabilities.All(host).With(MsrIndex.Ia32VmxProcbasedCtls2, host.Secondary.Value, known);

            KnownVmxCapabilities rewritten = partly.Map(filter.Rewrite);

            VmxCapabilities expected = filter.Rewrite(host);
            ulong bits = rewritten.Known.Secondary.Value;
            Assert.Equal(known, bits & known);
            Assert.Equal(expected.Secondary.Value & bits, rewritten.Values.Secondary.Value);
            Assert.Equal(expected.TrueExit, rewritten.Values.TrueExit);
            Assert.Equal(ulong.MaxValue, rewritten.Known.TrueExit.Value);
        }, iter: 1000);
    }

    [Fact]
    public void A_table_without_the_TRUE_forms_tells_them_by_the_plain_ones_only_where_IA32_VMX_BASIC_says_that_there_are_none()
    {
        const ulong Plain = 0x0000_007f_0000_0016;
        MsrTable table = MsrTable.From([new(MsrIndex.Ia32VmxPinbasedCtls, Plain)]);

        Assert.Null(VmxCapabilitiesReader.ReadKnown(table, static _ => null));
        Assert.Null(VmxCapabilitiesReader.ReadKnown(MsrTable.Empty, static _ => null));
        KnownVmxCapabilities known = VmxCapabilitiesReader.ReadKnown(table, static index => index == MsrIndex.Ia32VmxBasic ? (0, VmxBits.BasicDefault1ControlsMayBe0) : null)!.Value;
        Assert.Equal(Plain, known.Values.TruePinBased.Value);
        Assert.Equal(ulong.MaxValue, known.Known.TruePinBased.Value);
        Assert.False(known.TryGet(MsrIndex.Ia32VmxBasic, out _));
        Assert.False(known.IsComplete);
    }

    private static bool Accepts(uint index, ulong value, in VmxCapabilities host, in VmxCapabilities vcpu, ulong own) => VmxRestore.Check(index, value, host.With(index, own), vcpu).Accepted;
}
