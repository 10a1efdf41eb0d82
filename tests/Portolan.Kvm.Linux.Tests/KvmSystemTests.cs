using System.Collections.Immutable;
using Portolan.Kvm.Linux.Interop;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Tests;

public sealed class KvmSystemTests
{
    private const uint CapXcrs = 56;
    private const uint NoSuchCapability = 100_000;

    [Fact]
    public void Api_version_is_12()
    {
        using Live live = Live.Open();

        Assert.Equal(12, live.System.GetApiVersion().Value);
    }

    [Fact]
    public void CheckExtension_of_an_unknown_number_is_zero_and_not_a_refusal()
    {
        using Live live = Live.Open();

        Assert.Equal(0, live.System.CheckExtension(NoSuchCapability).Value);
        Assert.Equal(1, live.System.CheckExtension(CapXcrs).Value);
    }

    [Fact]
    public void GetSupportedCpuid_has_leaf_0_and_its_vendor()
    {
        using Live live = Live.Open();

        CpuidTable table = live.System.GetSupportedCpuid().Value;

        Assert.True(table.TryGet(0, 0, out CpuidValues leaf));
        Assert.NotEqual(0u, leaf.Ebx);
        Assert.NotEqual(0u, leaf.Eax);
    }

    [Fact]
    public void GetEmulatedCpuid_answers()
    {
        using Live live = Live.Open();

        Assert.True(live.System.GetEmulatedCpuid().Ok);
    }

    [Fact]
    public void GetSupportedHvCpuid_answers_exactly_where_the_capability_says_so()
    {
        using Live live = Live.Open();
        const uint capSysHypervCpuid = 191;

        bool has = live.System.CheckExtension(capSysHypervCpuid).Value != 0;

        Assert.Equal(has, live.System.GetSupportedHvCpuid().Ok);
    }

    [Fact]
    public void Cpuid_with_room_for_one_entry_grows_on_E2BIG_to_the_same_table()
    {
        using Live live = Live.Open();
        Assert.True(LinuxKvm.TryOpen(out KvmSystem? system, out _));
        using (system)
        {
            Assert.Equal(
                live.SupportedCpuid(),
                CpuidBuffer.Get(system.Fd, KvmRequests.KVM_GET_SUPPORTED_CPUID, firstGuess: 1).Value);
        }
    }

    [Fact]
    public void Msr_list_with_room_for_one_grows_on_E2BIG_to_the_same_list()
    {
        using Live live = Live.Open();

        ImmutableArray<uint> list = live.System.GetMsrIndexList().Value;

        Assert.NotEmpty(list);
        Assert.Equal(list, CountedLists.GetMsrList(live.System.Fd, KvmRequests.KVM_GET_MSR_INDEX_LIST, firstGuess: 1).Value);
    }

    [Fact]
    public void Every_feature_msr_is_readable_on_the_system_fd()
    {
        using Live live = Live.Open();
        MsrValue[] values = [.. live.System.GetMsrFeatureIndexList().Value.Select(index => new MsrValue(index, 0))];

        Assert.Equal(values.Length, live.System.GetMsrs(values).Value);
    }

    [Fact]
    public void System_GetMsrs_stops_at_the_first_that_is_no_feature_msr_and_answers_the_count()
    {
        using Live live = Live.Open();
        ImmutableArray<uint> features = live.System.GetMsrFeatureIndexList().Value;
        Assert.SkipUnless(features.Length > 0, "this kernel has no feature MSRs");
        const uint noSuchMsr = 0x7fff_0000;
        MsrValue[] values = [new(features[0], 0), new(noSuchMsr, 0), new(features[0], 0)];

        Assert.Equal(1, live.System.GetMsrs(values).Value);
    }

    [Fact]
    public void XcompGuestSupp_contains_what_leaf_0xd_offers()
    {
        using Live live = Live.Open();
        KvmAnswer<XFeatureMask> supported = live.System.GetXcompGuestSupp();
        Assert.SkipUnless(supported.Ok, $"KVM_X86_XCOMP_GUEST_SUPP: {supported.Errno}");

        CpuidValues leaf = live.SupportedCpuid().GetOrZero(0xd);

        Assert.True(new XFeatureMask((ulong)leaf.Edx << 32 | leaf.Eax).IsSubsetOf(supported.Value));
        Assert.True(XFeatureMask.Legacy.IsSubsetOf(supported.Value));
    }

    [Fact]
    public void Guest_permission_is_within_what_the_kernel_may_permit_and_a_component_out_of_range_is_refused()
    {
        using Live live = Live.Open();
        KvmAnswer<XFeatureMask> permitted = live.System.GetXcompGuestPermission();
        Assert.SkipUnless(permitted.Ok, $"arch_prctl(ARCH_GET_XCOMP_GUEST_PERM): {permitted.Errno}");

        Assert.True(permitted.Value.Overlaps(XFeatureMask.Legacy));
        Assert.Equal(Errno.EINVAL, live.System.RequestXcompGuestPermission(component: 200).Errno);
    }
}
