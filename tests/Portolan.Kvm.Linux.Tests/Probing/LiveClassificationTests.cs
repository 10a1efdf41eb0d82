using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Linux.Environment;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;

namespace Portolan.Kvm.Linux.Tests.Probing;

/// <summary>Classifies this machine's own KVM.</summary>
public sealed class LiveClassificationTests
{
    [Fact]
    public void Record_of_this_machine_knows_what_decides_xsave()
    {
        HostSnapshot snapshot = Record();

        Assert.NotNull(snapshot.SupportedXcr0);
        Assert.NotNull(snapshot.MxcsrMask);
        Assert.NotNull(snapshot.NativeCpuid);
        Assert.Contains("KVM_CAP_XSAVE", snapshot.Capabilities!.Value.Keys);
        KvmBehaviours behaviours = KvmBehaviours.Of(snapshot);
        Assert.NotNull(behaviours.XsaveSetHeader);
        Assert.NotNull(behaviours.XsaveSetMxcsr);
        Assert.NotNull(behaviours.CpuidMaxEntries);
    }

    [Fact]
    public void Measure_twice_finds_the_same()
    {
        using KvmSystem system = Open();

        HostClassification first = HostClassification.Measure(system, null);
        HostClassification second = HostClassification.Measure(system, null);

        Assert.Equal(first.Outcomes, second.Outcomes);
    }

    [Fact]
    public void A_kernel_after_the_fix_is_generation_G3()
    {
        HostSnapshot snapshot = Record();
        Assert.SkipUnless(snapshot.SupportedXcr0!.Value.Bits > 3, "this host supports x87 and SSE only: every generation answers alike");
        Assert.SkipUnless(
            Kernel.KernelRelease.TryParse(snapshot.KernelRelease!.Value, snapshot.KernelVersion!.Value, out Kernel.KernelRelease release) && release >= new Kernel.KernelRelease(6, 7),
            "this kernel is older than the lines that all have the fix");

        Assert.StartsWith("G3", GenerationTable.Of("xsave", KvmBehaviours.Of(snapshot))?.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_on_kvm_pvm_rewrites_leaf_0d()
    {
        HostSnapshot snapshot = Record();
        Assert.SkipUnless(snapshot.KvmModule?.Value == "kvm_pvm", "this host's KVM is not kvm_pvm");

        Assert.Equal("leaf-0d-from-hardware", snapshot.Behaviours["cpuid.rewrite"].Value);
        Assert.Equal(EvidenceQuality.Measured, snapshot.Behaviours["cpuid.rewrite"].Evidence.Quality);
    }

    private static HostSnapshot Record()
    {
        using KvmSystem system = Open();
        return HostRecorder.Record(system, LinuxHost.Read(), null);
    }

    private static KvmSystem Open()
    {
        bool opened = LinuxKvm.TryOpen(out KvmSystem? system, out string? reason);
        Assert.SkipUnless(opened, reason ?? "");
        return system!;
    }
}
