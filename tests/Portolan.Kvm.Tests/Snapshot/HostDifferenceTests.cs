using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Tests.Snapshot;

public sealed class HostDifferenceTests
{
    private static readonly Evidence Measured = new(EvidenceQuality.Measured, "test");

    [FactAttribute]
    public void A_lost_bit_is_named_in_SDM_notation_with_both_values()
    {
        SnapshotDifference lost = Assert.Single(HostDifference.Between(Host(Leaf7(1 << 26)), Host(Leaf7(0))));

        Assert.Equal(DifferenceKind.Lost, lost.Kind);
        Assert.Equal("CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU): 1 → 0", lost.ToString());
    }

    [FactAttribute]
    public void A_bit_that_one_side_does_not_know_is_unknown_and_no_difference()
    {
        HostSnapshot source = Host(Leaf7(1 << 26)) with { UnknownCpuidBits = Leaf7(1 << 26) };

        SnapshotDifference unknown = Assert.Single(HostDifference.Between(source, Host(Leaf7(0))));

        Assert.Equal((DifferenceKind.Unknown, "unknown", "0"), (unknown.Kind, unknown.Source, unknown.Destination));
        Assert.Empty(HostDifference.Between(source, Host(Leaf7(0)) with { UnknownCpuidBits = Leaf7(1 << 26) }));
    }

    [FactAttribute]
    public void A_leaf_that_a_partial_table_lacks_is_unknown()
    {
        HostSnapshot partial = Host(CpuidTable.Empty) with { SupportedCpuidIsPartial = true };

        Assert.Equal([DifferenceKind.Unknown], HostDifference.Between(Host(Leaf7(1 << 26)), partial).Select(static one => one.Kind).Distinct());
    }

    [FactAttribute]
    public void Components_give_their_size_and_the_image_its_growth()
    {
        HostSnapshot source = Xsave(0x3, (2, 256, 576));
        HostSnapshot destination = Xsave(0x7, (2, 256, 576));

        Assert.Equal(
            ["XCR0[2] avx: absent → 256 bytes at 576", "XSAVE image +256 bytes: 576 bytes → 832 bytes"],
            HostDifference.Between(source, destination).Select(static one => one.ToString()));
    }

    [FactAttribute]
    public void MSR_bits_are_named_and_a_missing_MSR_is_unknown_unless_the_list_lacks_it()
    {
        HostSnapshot with = Host(CpuidTable.Empty) with { FeatureMsrs = new(MsrTable.From([new(0x10a, 3)]), Measured) };
        HostSnapshot less = with with { FeatureMsrs = new(MsrTable.From([new(0x10a, 1)]), Measured) };
        HostSnapshot none = with with { FeatureMsrs = new(MsrTable.Empty, Measured) };

        Assert.StartsWith("MSR 10AH IA32_ARCH_CAPABILITIES[1] IBRS_ALL", Assert.Single(HostDifference.Between(with, less)).ToString(), StringComparison.Ordinal);
        Assert.Equal(DifferenceKind.Unknown, Assert.Single(HostDifference.Between(with, none)).Kind);
        Assert.Contains(
            HostDifference.Between(with with { FeatureMsrIndices = new([0x10a], Measured) }, none with { FeatureMsrIndices = new([], Measured) }),
            static one => one is { Area: DifferenceArea.FeatureMsr, Kind: DifferenceKind.Lost });
    }

    [FactAttribute]
    public void Of_partly_known_MSRs_the_known_bits_are_compared_and_the_others_stay_unknown()
    {
        HostSnapshot whole = Host(CpuidTable.Empty) with { FeatureMsrs = new(MsrTable.From([new(0x10a, 3)]), Measured) };
        HostSnapshot partly = Host(CpuidTable.Empty) with { PartlyKnownFeatureMsrs = new([new(0x10a, 1, 0x23)], Measured) };

        SnapshotDifference[] found = [.. HostDifference.Between(whole, partly)];

        SnapshotDifference lost = Assert.Single(found, static one => one.Kind != DifferenceKind.Unknown);
        Assert.StartsWith("MSR 10AH IA32_ARCH_CAPABILITIES[1] IBRS_ALL", lost.ToString(), StringComparison.Ordinal);
        Assert.Equal((DifferenceKind.Lost, "1", "0"), (lost.Kind, lost.Source, lost.Destination));
        Assert.All(found.Where(static one => one.Kind == DifferenceKind.Unknown), static one => Assert.Equal("unknown", one.Destination));
        Assert.DoesNotContain(found, static one => one.Where.Contains("[0]", StringComparison.Ordinal) || one.Where.Contains("[5]", StringComparison.Ordinal));
        Assert.Contains(found, static one => one is { Kind: DifferenceKind.Unknown, Source: "0" } && one.Where.Contains("[2]", StringComparison.Ordinal));
        Assert.Empty(HostDifference.Between(partly, partly));
        Assert.Equal(DifferenceKind.Unknown, Assert.Single(HostDifference.Between(partly, Host(CpuidTable.Empty))).Kind);
    }

    [FactAttribute]
    public void The_CPUs_own_MSRs_are_compared_bit_by_bit_and_one_that_a_tool_left_out_is_unknown()
    {
        HostSnapshot with = Native(new(0x10a, 3), new(0xcf, 0x20));
        HostSnapshot less = Native(new MsrValue(0x10a, 1));

        SnapshotDifference[] found = [.. HostDifference.Between(with, less)];

        Assert.All(found, static one => Assert.Equal(DifferenceArea.NativeMsr, one.Area));
        Assert.Equal((2, DifferenceKind.Unknown, "0x20", "unknown"), (found.Length, found[0].Kind, found[0].Source, found[0].Destination));
        Assert.StartsWith("MSR CFH IA32_CORE_CAPABILITIES", found[0].Where, StringComparison.Ordinal);
        Assert.StartsWith("MSR 10AH IA32_ARCH_CAPABILITIES[1] IBRS_ALL", found[1].ToString(), StringComparison.Ordinal);
        Assert.Equal((DifferenceKind.Lost, new MsrPlace(0x10a, 2)), (found[1].Kind, found[1].Place));
        Assert.Empty(HostDifference.Between(with, with));
    }

    [FactAttribute]
    public void MSRs_that_no_tool_read_on_one_host_are_one_unknown()
    {
        SnapshotDifference unknown = Assert.Single(HostDifference.Between(new HostSnapshot(), Native(new MsrValue(0x10a, 1))));

        Assert.Equal((DifferenceArea.NativeMsr, DifferenceKind.Unknown, "unknown", "1 known"), (unknown.Area, unknown.Kind, unknown.Source, unknown.Destination));
    }

    private static HostSnapshot Native(params MsrValue[] msrs) => new() { NativeMsrs = new(MsrTable.From(msrs), Measured) };

    private static HostSnapshot Host(CpuidTable table) => new() { SupportedCpuid = new(table, Measured) };

    private static CpuidTable Leaf7(uint edx) => CpuidTable.From([new(new(7, 0), true, new(0, 0, 0, edx))]);

    private static HostSnapshot Xsave(uint xcr0, (uint Component, uint Size, uint Offset) avx)
    {
        uint size = xcr0 > 3 ? avx.Offset + avx.Size : 576;
        CpuidTable table = CpuidTable.From([new(new(0xd, 0), true, new(xcr0, size, size, 0)), new(new(0xd, avx.Component), true, new(avx.Size, avx.Offset, 0, 0))]);
        return Host(table) with { SupportedXcr0 = new(new XFeatureMask(xcr0), Measured) };
    }
}
