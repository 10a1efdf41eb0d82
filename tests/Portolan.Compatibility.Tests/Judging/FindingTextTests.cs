using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Tests.Judging;

/// <summary>Findings in words: the manual's place, every name, both values.</summary>
public sealed class FindingTextTests
{
    [Fact]
    public void A_feature_has_the_manuals_place_and_everybodys_names()
    {
        Finding lost = new(ClauseTable.PromiseCpuid, ClauseSeverity.Breaks, 1, new(SubjectKind.Feature, (uint)FeatureTable.Get("spec-ctrl").Index), 1, 0);

        Assert.Equal("CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU): guest 1, host 0", FindingText.Of(lost).ToString());
    }

    [Theory]
    [InlineData(0x207, 0x7, "XSTATE_BV[9] pkru: guest 0x207, host 0x7")]
    [InlineData(0x3, 0x0, "XSTATE_BV[0,1] x87,sse: guest 0x3, host 0x0")]
    [InlineData(0x200, 0x200, "XSTATE_BV[9] pkru: guest 0x200, host 0x200")]
    public void Components_beyond_the_hosts_are_named(ulong guest, ulong host, string expected)
        => Assert.Equal(expected, FindingText.Of(new(ClauseTable.XsaveSetSupported, ClauseSeverity.Blocks, 1, new(SubjectKind.Components), guest, host)).ToString());

    [Theory]
    [InlineData(0x60000, "XCR0[17,18] xtilecfg,xtiledata: guest 0x60000, host 0x0")]
    [InlineData(0x1800, "IA32_XSS[11,12] cet-u,cet-s: guest 0x1800, host 0x0")]
    public void Promised_components_stand_in_their_register(ulong guest, string expected)
        => Assert.Equal(expected, FindingText.Of(new(ClauseTable.PromiseComponent, ClauseSeverity.Breaks, 1, new(SubjectKind.Components), guest)).ToString());

    [Theory]
    [InlineData(2688, 2432, "the XSAVE area's component 9 pkru: guest at 2688, host at 2432")]
    [InlineData(2688, ulong.MaxValue, "the XSAVE area's component 9 pkru: guest at 2688, host nowhere")]
    public void A_component_that_moved_says_from_where_to_where(ulong saved, ulong here, string expected)
        => Assert.Equal(expected, FindingText.Of(new(ClauseTable.XsaveLayout, ClauseSeverity.Corrupts, 1, new(SubjectKind.Component, 9), saved, here)).ToString());

    [Fact]
    public void One_bit_of_an_MSR_has_its_own_place()
    {
        Finding lost = new(ClauseTable.PromiseVisibleMsr, ClauseSeverity.Breaks, 1, new(SubjectKind.Msr, 0x48f), 0x007fffff00036dfb, 0x007fefff00036dfb);

        Assert.Equal(
            "MSR 48FH IA32_VMX_TRUE_EXIT_CTLS[44] may be 1 load IA32_PERF_GLOBAL_CTRL vmx-exit-load-perf-global-ctrl (QEMU): guest 0x007fffff00036dfb, host 0x007fefff00036dfb",
            FindingText.Of(lost).ToString());
    }

    [Fact]
    public void Several_bits_of_an_MSR_stand_behind_its_name_those_without_a_name_last()
    {
        Finding lost = new(ClauseTable.PromiseArchCapabilities, ClauseSeverity.Breaks, 1, new(SubjectKind.Msr, MsrIndex.Ia32ArchCapabilities), 0x80000000_00000005, 0);

        Assert.Equal("MSR 10AH IA32_ARCH_CAPABILITIES", FindingText.Of(lost).Place);
        Assert.Equal("[0] RDCL_NO rdctl-no (libvirt) rdctl-no (QEMU), [2] RSBA rsba (libvirt) rsba (QEMU), bits 0x8000000000000000 without a name", FindingText.Of(lost).Names);
    }

    [Fact]
    public void A_refused_feature_MSR_says_what_the_host_would_take_where_its_snapshot_tells()
    {
        Finding refused = new(ClauseTable.MsrVmxNotRestorable, ClauseSeverity.Blocks, 1, new(SubjectKind.Msr, 0x48b), 0x02137bff00000000);
        HostSnapshot host = new() { FeatureMsrs = new(MsrTable.From([new(0x48b, 0x00137bff00000000)]), new Evidence(EvidenceQuality.Measured, "here")) };

        Assert.Equal("MSR 48BH IA32_VMX_PROCBASED_CTLS2: guest 0x02137bff00000000, host refused", FindingText.Of(refused).ToString());
        Assert.Equal(
            "MSR 48BH IA32_VMX_PROCBASED_CTLS2[57] may be 1 use TSC scaling vmx-tsc-scaling (QEMU): guest 0x02137bff00000000, host at most 0x00137bff00000000",
            FindingText.Of(refused, host).ToString());
    }

    [Fact]
    public void An_MSR_that_is_not_listed_says_so()
        => Assert.Equal(
            "MSR 1C4H IA32_XFD: guest 0x40000, host not listed",
            FindingText.Of(new(ClauseTable.MsrNotListed, ClauseSeverity.Corrupts, 1, new(SubjectKind.Msr, 0x1c4), 0x40000)).ToString());

    [Fact]
    public void A_capability_a_part_and_texts_have_their_names()
    {
        _ = KvmCapability.TryFind("KVM_CAP_HYPERV_ENLIGHTENED_VMCS", out CapabilityFact? evmcs);
        Finding refused = new(ClauseTable.EvmcsEnableAbsent, ClauseSeverity.Blocks, 1, new(SubjectKind.Capability, evmcs!.Number), 1);
        Finding part = new(ClauseTable.SregsCr4Host, ClauseSeverity.Blocks, 1, new(SubjectKind.Part, (uint)VcpuPart.Sregs));
        Finding machine = new(ClauseTable.VmmMachineType, ClauseSeverity.Blocks, 1, new(SubjectKind.Vmm)) { GuestText = "pc-q35-10.0", HostText = "pc-q35-9.2 at most" };

        Assert.Equal("KVM_CAP_HYPERV_ENLIGHTENED_VMCS: guest 0x1, host refused", FindingText.Of(refused).ToString());
        Assert.Equal("KVM_SET_SREGS", FindingText.Of(part).ToString());
        Assert.Equal("the VMM: guest pc-q35-10.0, host pc-q35-9.2 at most", FindingText.Of(machine).ToString());
    }

    [Fact]
    public void Refused_registers_name_the_bits_and_what_would_permit_them()
    {
        Finding cr4 = new(ClauseTable.SregsCr4Host, ClauseSeverity.Blocks, 1, new(SubjectKind.Part, (uint)VcpuPart.Sregs), 0x8006b0, 0x6b0);
        Finding efer = new(ClauseTable.SregsEferHost, ClauseSeverity.Blocks, 1, new(SubjectKind.Part, (uint)VcpuPart.Sregs), 0x4d01, 0xd00);
        Finding xcr0 = new(ClauseTable.XcrsPromised, ClauseSeverity.Blocks, 1, new(SubjectKind.Part, (uint)VcpuPart.Xcrs), 0x207, 0x7);

        Assert.StartsWith("CR4[23] shstk", FindingText.Of(cr4).ToString(), StringComparison.Ordinal);
        Assert.Contains("ibt", FindingText.Of(cr4).Names, StringComparison.Ordinal);
        Assert.StartsWith("IA32_EFER[14] fxsr", FindingText.Of(efer).ToString(), StringComparison.Ordinal);
        Assert.Equal("XCR0[9] pkru: guest 0x207, host 0x7", FindingText.Of(xcr0).ToString());
    }

    [Fact]
    public void Every_kind_of_subject_has_words()
    {
        foreach (SubjectKind kind in Enum.GetValues<SubjectKind>())
        {
            Assert.NotEqual("", FindingText.Of(new(ClauseTable.PromiseCpuid, ClauseSeverity.Notes, 0, new(kind, 1), 1, 2)).Place);
        }

        foreach (VcpuPart part in Enum.GetValues<VcpuPart>())
        {
            Assert.StartsWith("KVM_SET_", FindingText.Of(new(ClauseTable.SregsCr0, ClauseSeverity.Blocks, 0, new(SubjectKind.Part, (uint)part))).Place, StringComparison.Ordinal);
        }
    }
}
