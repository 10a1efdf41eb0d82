using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.Testing;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Attribution;

/// <summary>What makes the CPUs' own MSRs differ, and what they tell of the MSRs that KVM shows.</summary>
public sealed class NativeMsrTests
{
    private const ulong FbClear = 1 << 17;
    private const ulong RdclNo = 1;

    [Theory]
    [InlineData("0x2", "Likely Microcode", "Unknown Hardware Microcode Configuration")]
    [InlineData("0x1", "Unknown Hardware Configuration", "Unknown Hardware Configuration")]
    public void On_one_CPU_model_microcode_brings_the_bits_of_its_rows(string revision, string ofARow, string ofNone)
    {
        HostSnapshot before = Cpu("icelake-sp", "0x1", new MsrValue(MsrIndex.Ia32ArchCapabilities, 0));
        HostSnapshot after = Cpu("icelake-sp", revision, new MsrValue(MsrIndex.Ia32ArchCapabilities, FbClear | RdclNo));

        Assert.Equal((ofARow, ofNone), (Of(before, after, FbClear), Of(before, after, RdclNo)));
    }

    [Fact]
    public void Another_CPU_is_hardware_and_where_microcode_could_do_it_too_nobody_knows()
    {
        HostSnapshot before = Cpu("skylake-sp", "0x1", new MsrValue(MsrIndex.Ia32ArchCapabilities, 0));
        HostSnapshot after = Cpu("icelake-sp", "0x1", new MsrValue(MsrIndex.Ia32ArchCapabilities, FbClear | RdclNo));

        Assert.Equal(("Unknown Hardware Microcode", "Likely Hardware"), (Of(before, after, FbClear), Of(before, after, RdclNo)));
    }

    [Fact]
    public void The_revision_of_the_microcode_is_the_microcodes_on_one_CPU_model_and_the_hardwares_on_two()
    {
        HostSnapshot before = Cpu("icelake-sp", "0x1", new MsrValue(MsrIndex.Ia32BiosSignId, 1UL << 32));
        MsrValue later = new(MsrIndex.Ia32BiosSignId, 2UL << 32);

        Assert.Equal("Certain Microcode", Of(before, Cpu("icelake-sp", "0x2", later)));
        Assert.Equal("Certain Hardware", Of(before, Cpu("skylake-sp", "0x2", later)));
    }

    [Fact]
    public void What_software_writes_may_be_the_kernels_unless_the_kernels_are_the_same()
    {
        HostSnapshot before = Cpu("milan", "0x1", new MsrValue(MsrIndex.DeCfg, 0)) with { KernelRelease = Hosts.Of("6.1.192") };
        HostSnapshot after = Cpu("milan", "0x1", new MsrValue(MsrIndex.DeCfg, 2)) with { KernelRelease = Hosts.Of("6.12.117") };

        Assert.Equal("Unknown Hardware Kernel Configuration", Of(before, after));
        Assert.Equal("Unknown Hardware Configuration", Of(before, after with { KernelRelease = before.KernelRelease }));
    }

    /// <summary>One kernel, one release of microcode, and KVM shows a bit on one host only: whose doing that is depends on what the CPUs themselves say.</summary>
    [Fact]
    public void What_the_CPUs_own_MSRs_say_decides_about_what_KVM_shows_of_them()
    {
        HostSnapshot shown = Showing(RdclNo);
        HostSnapshot hidden = Showing(0);

        Assert.Contains(Cause.Hardware, Shown(shown with { NativeMsrs = Own(RdclNo) }, hidden with { NativeMsrs = Own(0) }).Causes);
        Assert.DoesNotContain(Cause.Hardware, Shown(shown with { NativeMsrs = Own(RdclNo) }, hidden with { NativeMsrs = Own(RdclNo) }).Causes);
    }

    private static HostSnapshot Showing(ulong capabilities)
    {
        HostSnapshot host = BaseHosts.Shipped.Single(static host => host.Name == "intel-bochs-skylake-x-6.12.117");
        MsrTable msrs = MsrTable.From([.. host.FeatureMsrs!.Value.Where(static msr => msr.Index != MsrIndex.Ia32ArchCapabilities), new MsrValue(MsrIndex.Ia32ArchCapabilities, capabilities)]);
        return host with { FeatureMsrs = Hosts.Of(msrs) };
    }

    private static Fact<MsrTable> Own(ulong capabilities) => Hosts.Of(MsrTable.From([new MsrValue(MsrIndex.Ia32ArchCapabilities, capabilities)]));

    private static Portolan.Kvm.Model.Attribution.Attribution Shown(HostSnapshot one, HostSnapshot other)
        => Assert.Single(HostAttribution.Between(one, other), static row => row.Difference.Area == DifferenceArea.FeatureMsr).Attribution;

    private static HostSnapshot Cpu(string line, string microcode, MsrValue msr)
    {
        CpuLine cpu = CpuLineTable.Find(line)!;
        CpuidTable table = CpuidTable.From([cpu.Values.Single(static row => row.Address == new CpuidAddress(0, 0)), new(new(1, 0), false, new(cpu.Signature.Leaf1Eax, 0, 0, 0))]);
        return new() { NativeCpuid = Hosts.Of(table), Microcode = Hosts.Of(microcode), NativeMsrs = Hosts.Of(MsrTable.From([msr])) };
    }

    private static string Of(HostSnapshot one, HostSnapshot other, ulong bits = 0)
    {
        AttributedDifference row = HostAttribution.Between(one, other)
            .First(row => row.Difference is { Area: DifferenceArea.NativeMsr, Place: MsrPlace place } && (bits == 0 || place.Bits == bits));
        return $"{row.Attribution.Certainty} {string.Join(' ', row.Attribution.Causes)}";
    }
}
