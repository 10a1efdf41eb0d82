using System.Globalization;
using CsCheck;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Tests.Vmx;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Evmcs;

public sealed class EvmcsFilterTests
{
    private static readonly Gen<EvmcsSpan> Span = Gen.Int[0, EvmcsSpans.All.Count - 1].Select(i => (EvmcsSpan)i);

    [Fact]
    public void The_vectors_are_answered_as_they_say()
    {
        int vectors = 0;
        foreach (string[] fields in Vectors.Read("Evmcs", "evmcs-visible.txt"))
        {
            EvmcsSpan span = Assert.NotNull(EvmcsSpans.Find(fields[0]));
            uint index = uint.Parse(fields[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong visible = EvmcsFilter.Visible(span, fields[1] == "1", index, Vectors.Hex(fields[3]));
            Assert.True(Vectors.Hex(fields[4]) == visible, $"{string.Join(' ', fields)}: answered {visible:x16}");
            vectors++;
        }

        Assert.Equal(60, vectors);
    }

    [Theory]
    [InlineData("intel-5.10.218.txt", EvmcsSpan.ED)]
    [InlineData("intel-6.1.192.txt", EvmcsSpan.EE)]
    [InlineData("intel-6.12.117.txt", EvmcsSpan.EF)]
    public void Every_measured_read_of_guest_and_host_is_reproduced(string observations, EvmcsSpan span)
    {
        int reads = 0;
        foreach (EvmcsReading reading in KernelObservations.EvmcsReadings(observations))
        {
            reads++;
            if (reading.Host is not { } own)
            {
                Assert.True(reading.Index is MsrIndex.Ia32VmxProcbasedCtls3 or MsrIndex.Ia32VmxExitCtls2 && reading.Guest is null, $"{reading}");
                continue;
            }

            bool applies = EvmcsFilter.Applies(span, reading.Enabled, reading.HypervCpuid != 0, hostInitiated: false);
            ulong visible = applies ? EvmcsFilter.Visible(span, reading.HypervCpuid == 1, reading.Index, own) : own;
            Assert.True(reading.Guest == visible, $"{observations}: {reading}: answered {visible:x16}");
            Assert.False(EvmcsFilter.Applies(span, reading.Enabled, reading.HypervCpuid != 0, hostInitiated: true));
        }

        // Five configurations of the 20 MSRs 480H to 493H.
        Assert.Equal(100, reads);
    }

    [Fact]
    public void Only_the_measured_span_explains_5_10_218()
    {
        EvmcsReading[] readings = [.. KernelObservations.EvmcsReadings("intel-5.10.218.txt").Where(reading => reading.Host is not null)];

        EvmcsSpan[] explaining =
        [
            .. EvmcsSpans.All.Select(row => row.Span).Where(span => readings.All(reading => reading.Guest
                == (EvmcsFilter.Applies(span, reading.Enabled, reading.HypervCpuid != 0, hostInitiated: false)
                    ? EvmcsFilter.Visible(span, reading.HypervCpuid == 1, reading.Index, reading.Host!.Value)
                    : reading.Host!.Value))),
        ];

        Assert.Equal([EvmcsSpan.ED], explaining);
    }

    [Fact]
    public void A_filter_only_removes_and_filtering_twice_is_filtering_once()
        => Gen.Select(Span, Gen.Bool, Gen.UInt[0x470, 0x4a0], Gen.ULong).Sample((span, perfGlobalCtrl, index, value) =>
        {
            ulong visible = EvmcsFilter.Visible(span, perfGlobalCtrl, index, value);
            return (visible & ~value) == 0 && EvmcsFilter.Visible(span, perfGlobalCtrl, index, visible) == visible;
        });

    [Fact]
    public void Without_the_bit_no_more_is_visible_than_with_it()
        => Gen.Select(Span, Gen.UInt[0x480, 0x491], Gen.ULong).Sample((span, index, value)
            => (EvmcsFilter.Visible(span, false, index, value) & ~EvmcsFilter.Visible(span, true, index, value)) == 0);

    [Fact]
    public void Must_be_one_settings_are_never_hidden()
        => Gen.Select(Span, Gen.Bool, Gen.UInt[0x480, 0x490], Gen.UInt).Sample((span, perfGlobalCtrl, index, mustBeOne)
            => EvmcsFilter.Visible(span, perfGlobalCtrl, index, mustBeOne) == mustBeOne);

    [Fact]
    public void Only_E_a_shows_the_VMM_what_the_guest_sees()
    {
        foreach (EvmcsSpanRow row in EvmcsSpans.All)
        {
            Assert.Equal(row.Span == EvmcsSpan.EA, EvmcsFilter.Applies(row.Span, true, true, hostInitiated: true));
            Assert.False(EvmcsFilter.Applies(row.Span, false, true, hostInitiated: false));
            Assert.True(EvmcsFilter.Applies(row.Span, true, true, hostInitiated: false));
            Assert.Equal(row.Span < EvmcsSpan.EE, EvmcsFilter.Applies(row.Span, true, false, hostInitiated: false));
        }
    }

    [Fact]
    public void Rewriting_a_vCPU_gives_what_each_read_is_filtered_to()
    {
        VmxCapabilities rewritten = EvmcsFilterSets.Of(EvmcsSpan.EA).Rewrite(SampleCapabilities.Kvm612);

        for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxVmfunc; index++)
        {
            Assert.Equal(EvmcsFilter.Visible(EvmcsSpan.EA, true, index, SampleCapabilities.Kvm612.ValueOf(index)), rewritten.ValueOf(index));
        }

        Assert.Equal(0x001118feu, rewritten.Secondary.MayBeOne);
    }

    [Fact]
    public void Setting_unfiltered_values_after_enabling_stays_possible_from_E_b_on_only()
    {
        // EV-7: on E-a the vCPU's values are the rewritten ones, and unfiltered ones would grow them.
        VmxCapabilities host = SampleCapabilities.Kvm612;
        VmxCapabilities rewritten = EvmcsFilterSets.Of(EvmcsSpan.EA).Rewrite(host);

        Assert.Empty(VmxRestore.Refused(host, host));
        Assert.Contains(VmxRestore.Refused(host, rewritten), refusal => refusal.Index == MsrIndex.Ia32VmxProcbasedCtls2);
    }

    [Theory]
    [InlineData(0x31237648u, 1u, true, true)]
    [InlineData(0x31237648u, 0u, true, false)]
    [InlineData(0x4b4d564bu, 1u, false, true)]
    public void A_guests_CPUID_says_whether_it_is_enlightened(uint signature, uint ebx, bool hyperv, bool perfGlobalCtrl)
    {
        CpuidTable guest = CpuidTable.From([
            new CpuidEntry(new CpuidAddress(0x40000001, 0), false, new CpuidValues(signature, 0, 0, 0)),
            new CpuidEntry(new CpuidAddress(0x4000000a, 0), false, new CpuidValues(0x101, ebx, 0, 0)),
        ]);

        Assert.Equal(hyperv, EvmcsFilter.HasHypervInterface(guest));
        Assert.Equal(perfGlobalCtrl, EvmcsFilter.HasPerfGlobalCtrl(guest));
        Assert.False(EvmcsFilter.HasHypervInterface(CpuidTable.Empty));
        Assert.False(EvmcsFilter.HasPerfGlobalCtrl(CpuidTable.Empty));
    }
}
