using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Evmcs;

public sealed class EvmcsDesignsTests
{
    [Theory]
    [InlineData(EvmcsDesign.PvBit, null, true, false)]
    [InlineData(EvmcsDesign.Revision, 2016, false, false)]
    [InlineData(EvmcsDesign.Revision, 2022, false, false)]
    [InlineData(EvmcsDesign.FilteredMsrs, null, false, true)]
    public void A_design_is_found_by_what_is_requested(EvmcsDesign design, int? revision, bool merged, bool vmmSees)
    {
        EvmcsDesignRow row = EvmcsDesigns.Find(design, revision)!;

        Assert.Equal((merged, vmmSees), (row.Merged, row.VmmSees));
        Assert.Null(EvmcsDesigns.Find(design, 1999));
    }

    [Fact]
    public void The_merged_design_takes_the_filter_of_the_hosts_own_span()
    {
        EvmcsDesignRow row = EvmcsDesigns.Find(EvmcsDesign.PvBit)!;

        Assert.All(EvmcsSpans.All, span => Assert.Same(EvmcsFilterSets.Of(span.Span), EvmcsFilterSets.Of(row, span.Span)));
    }

    [Theory]
    [InlineData(0x483u, 0x007fffff00036dffUL, 0x003fefff00036dffUL, 0x003fffff00036dffUL)]
    [InlineData(0x484u, 0x0000f3ff000011ffUL, 0x0000d3ff000011ffUL, 0x0000f3ff000011ffUL)]
    [InlineData(0x48bu, 0x02137bff00000000UL, 0x001118fe00000000UL, 0x021118fe00000000UL)]
    [InlineData(0x481u, 0x0000007f00000016UL, 0x0000003f00000016UL, 0x0000003f00000016UL)]
    public void A_requested_revision_decides_whatever_the_guests_CPUID_says(uint index, ulong value, ulong with2016, ulong with2022)
    {
        foreach (bool perfGlobalCtrl in (bool[])[false, true])
        {
            Assert.Equal(with2016, Filter(EvmcsDesign.Revision, 2016).Visible(perfGlobalCtrl, index, value));
            Assert.Equal(with2022, Filter(EvmcsDesign.Revision, 2022).Visible(perfGlobalCtrl, index, value));
            Assert.Equal(with2022, Filter(EvmcsDesign.FilteredMsrs, null).Visible(perfGlobalCtrl, index, value));
        }
    }

    [Fact]
    public void The_first_revision_is_what_the_kernels_before_the_thread_did()
    {
        EvmcsFilterSet revision = Filter(EvmcsDesign.Revision, 2016);

        for (uint index = 0x480; index <= 0x491; index++)
        {
            Assert.Equal(EvmcsFilter.Visible(EvmcsSpan.ED, false, index, ulong.MaxValue), revision.Visible(false, index, ulong.MaxValue));
        }
    }

    [Fact]
    public void The_second_revision_lets_PERF_GLOBAL_CTRL_and_TSC_scaling_into_L2()
    {
        VmxControlSettings settings = new(
            0, 0, VmxBits.SecondaryUseTscScaling, VmxBits.ExitLoadIa32PerfGlobalCtrl, VmxBits.EntryLoadIa32PerfGlobalCtrl, 0);

        Assert.Empty(EvmcsEntryCheck.Offending(Filter(EvmcsDesign.Revision, 2022), settings));
        Assert.Equal(3, EvmcsEntryCheck.Offending(Filter(EvmcsDesign.Revision, 2016), settings).Count);
    }

    private static EvmcsFilterSet Filter(EvmcsDesign design, int? revision)
        => EvmcsFilterSets.Of(EvmcsDesigns.Find(design, revision)!, EvmcsSpan.EF);
}
