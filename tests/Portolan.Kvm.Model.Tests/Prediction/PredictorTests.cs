using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Prediction;

public sealed class PredictorTests
{
    private static readonly KernelRelease Old = new(5, 10, 218);
    private static readonly KernelRelease New = new(6, 18, 30);

    [Fact]
    public void ForCpu_shows_AMX_and_CET_of_Sapphire_Rapids_from_the_kernels_that_know_them()
    {
        HostSnapshot before = ForCpu("sapphire-rapids", Old);
        HostSnapshot after = ForCpu("sapphire-rapids", New);

        Assert.Equal(0x2e7UL, before.SupportedXcr0!.Value.Bits);
        Assert.Equal(0x602e7UL, after.SupportedXcr0!.Value.Bits);
        Assert.Equal(0x1800UL, after.SupportedXss!.Value.Bits);
        Assert.Equal(0xa88u, before.SupportedCpuid!.Value.GetOrZero(0xd).Ecx);
        Assert.Equal(0x2b00u, after.SupportedCpuid!.Value.GetOrZero(0xd).Ecx);
        Assert.Equal(11008, after.Capabilities!.Value["KVM_CAP_XSAVE2"]);
        Assert.Equal(0, before.Capabilities!.Value["KVM_CAP_XSAVE2"]);
        Assert.False(before.SupportedCpuid.Value.Has("amx-tile"));
        Assert.True(after.SupportedCpuid.Value.Has("amx-tile"));
        Assert.True(after.SupportedCpuid.Value.Has("shstk"));
    }

    [Fact]
    public void ForCpu_leaves_open_what_firmware_and_microcode_decide()
    {
        HostSnapshot host = ForCpu("sapphire-rapids", New);

        Assert.True(host.UnknownCpuidBits!.Has("rtm"));
        Assert.True(host.UnknownCpuidBits!.Has("sgx"));
        Assert.Equal(0xffu, host.UnknownCpuidBits!.Value(FeatureTable.Get("phys-bits")));
        Assert.False(host.UnknownCpuidBits!.Has("avx512f"));
        Assert.Null(host.FeatureMsrs);
        Assert.Null(host.SavedMsrs);
        Assert.Equal(EvidenceQuality.Derived, host.SupportedCpuid!.Evidence.Quality);
    }

    [Fact]
    public void ForCpu_answers_for_every_line_and_many_kernels()
    {
        foreach (CpuLine line in CpuLineTable.All)
        {
            foreach (KernelRelease kernel in new[] { new KernelRelease(4, 19), Old, new(5, 15), new(6, 1, 192), new(6, 6), New, new(7, 2) })
            {
                HostSnapshot host = Predictor.ForCpu(line, kernel);

                Assert.Same(line, CpuLineTable.Identify(host.SupportedCpuid!.Value));
                Assert.True(host.SupportedCpuid.Value.Has("xsave"), $"{line} {kernel}");
                Assert.True(host.SupportedXcr0!.Value.Bits != 0, $"{line} {kernel}");
                Assert.Equal(Predictor.ForCpu(line, kernel).SupportedCpuid!.Value, host.SupportedCpuid.Value);
            }
        }
    }

    [Fact]
    public void WithKernel_to_the_same_kernel_changes_no_CPUID()
    {
        foreach (string cpu in new[] { "AMD_MILAN", "INTEL_SAPPHIRE_RAPIDS" })
        {
            Fingerprint recorded = Fingerprint.Read(Repository.SharedData("firecracker-fingerprints"), cpu, "6.18");

            HostSnapshot same = Predictor.WithKernel(recorded.ToSnapshot(), New);

            Assert.Equal(recorded.Cpuid, same.SupportedCpuid!.Value);
            Assert.Null(same.UnknownCpuidBits);
        }
    }

    [Fact]
    public void WithKernel_takes_the_CPUs_own_CPUID_before_its_line()
    {
        HostSnapshot known = ForCpu("milan", Old);
        CpuidTable native = CpuLineTable.Find("milan")!.Values.WithValue(FeatureTable.Get("ibpb-ret"), 1);
        HostSnapshot host = new() { NativeCpuid = new(native, new(EvidenceQuality.Recorded, "test")) };

        HostSnapshot moved = Predictor.WithKernel(host, New);

        Assert.True(moved.SupportedCpuid!.Value.Has("spec-ctrl"));
        Assert.False(Predictor.WithKernel(known, New).SupportedCpuid!.Value.Has("spec-ctrl"));
    }

    [Fact]
    public void WithKernel_leaves_open_what_is_not_known_of_the_CPU()
    {
        CpuLine line = CpuLineTable.Find("milan")!;
        CpuidTable native = line.Values.With(1, 0, line.Values.GetOrZero(1) with { Eax = 0 }); // no line's signature: nothing stands behind the dump
        CpuidFeature clzero = FeatureTable.Get("clzero");
        HostSnapshot host = new() { NativeCpuid = new(native, new(EvidenceQuality.Recorded, "test")) };
        CpuidTable unknown = CpuidTable.Empty.With(clzero.Address.Leaf, 0, default(CpuidValues).With(clzero.Register, clzero.RegisterMask));

        HostSnapshot all = Predictor.WithKernel(host, New);
        HostSnapshot open = Predictor.WithKernel(host with { UnknownNativeBits = unknown }, New);
        HostSnapshot partial = Predictor.WithKernel(host with { NativeCpuid = host.NativeCpuid with { Value = native.Without(row => row.Address.Leaf == clzero.Address.Leaf) }, NativeCpuidIsPartial = true }, New);

        Assert.True(all.SupportedCpuid!.Value.Has(clzero));
        Assert.False(all.UnknownCpuidBits?.Has(clzero) ?? false);
        Assert.True(open.UnknownCpuidBits!.Has(clzero));
        Assert.True(partial.SupportedCpuidIsPartial || partial.UnknownCpuidBits!.Has(clzero));
        Assert.Equal(unknown, open.UnknownNativeBits);
    }

    [Fact]
    public void WithKernel_of_a_host_that_nothing_identifies_predicts_no_CPUID()
    {
        HostSnapshot moved = Predictor.WithKernel(new HostSnapshot { Name = "bare" }, New);

        Assert.Null(moved.SupportedCpuid);
        Assert.Equal("6.18.30", moved.KernelRelease!.Value);
        Assert.Equal("guest-and-legacy-within-default", moved.Behaviours["xsave.get-mask"].Value);
    }

    [Fact]
    public void WithModuleParameter_nested_takes_VMX_away_and_gives_it_back()
    {
        HostSnapshot host = ForCpu("icelake-sp", New) with { FeatureMsrIndices = new([0x10a, 0x480, 0x48b], new(EvidenceQuality.Recorded, "test")) };

        HostSnapshot off = Predictor.WithModuleParameter(host, "kvm_intel.nested", "0");
        HostSnapshot on = Predictor.WithModuleParameter(off, "kvm_intel.nested", "1");

        Assert.True(host.SupportedCpuid!.Value.Has("vmx"));
        Assert.False(off.SupportedCpuid!.Value.Has("vmx"));
        Assert.Equal([0x10a], off.FeatureMsrIndices!.Value);
        Assert.Equal(host.SupportedCpuid.Value, on.SupportedCpuid!.Value);
        Assert.Contains(0x48bu, on.FeatureMsrIndices!.Value);
    }

    [Fact]
    public void WithModuleParameter_ept_takes_PKU_and_CET_away()
    {
        HostSnapshot off = Predictor.WithModuleParameter(ForCpu("icelake-sp", New), "kvm_intel.ept", "N");

        Assert.False(off.SupportedCpuid!.Value.Has("pku"));
        Assert.Equal(0x2e7UL, off.SupportedXcr0!.Value.Bits);
        Assert.True(off.SupportedCpuid.Value.Has("umip"));
        Assert.False(Predictor.WithModuleParameter(ForCpu("sapphire-rapids", New), "kvm_intel.ept", "N").SupportedCpuid!.Value.Has("shstk"));
    }

    [Fact]
    public void WithoutXFeatures_takes_the_component_and_its_feature()
    {
        HostSnapshot host = OneChange.WithoutXFeatures(ForCpu("sapphire-rapids", New), XFeatureMask.Of(9));

        Assert.Equal(0x600e7UL, host.SupportedXcr0!.Value.Bits);
        Assert.False(host.SupportedCpuid!.Value.Has("pku"));
        Assert.False(host.SupportedCpuid.Value.Contains(new CpuidAddress(0xd, 9)));
    }

    [Fact]
    public void WithoutFeatures_takes_what_hangs_on_them()
    {
        HostSnapshot host = OneChange.WithoutFeatures(ForCpu("sapphire-rapids", New), FeatureTable.Get("avx512f"), FeatureTable.Get("amx-tile"));

        Assert.Equal(0x207UL, host.SupportedXcr0!.Value.Bits);
        Assert.False(host.SupportedCpuid!.Value.Has("avx512vnni"));
        Assert.Equal(4096, host.Capabilities!.Value["KVM_CAP_XSAVE2"]);
    }

    [Fact]
    public void WithGeneration_sets_its_behaviours_and_only_those()
    {
        HostSnapshot host = ForCpu("icelake-sp", New);

        HostSnapshot strict = OneChange.WithGeneration(host, GenerationTable.Find("G2b")!);

        Assert.Equal("G2b", GenerationTable.Of("xsave", KvmBehaviours.Of(strict))!.Name);
        Assert.Equal(GenerationTable.Of("evmcs", KvmBehaviours.Of(host)), GenerationTable.Of("evmcs", KvmBehaviours.Of(strict)));
        Assert.Equal(host.SupportedCpuid, strict.SupportedCpuid);
    }

    [Fact]
    public void WithMicrocode_changes_the_revision_and_says_that_the_rest_is_of_the_other()
    {
        HostSnapshot host = OneChange.WithMicrocode(ForCpu("icelake-sp", New), "0xd0003a5");

        Assert.Equal("0xd0003a5", host.Microcode!.Value);
        Assert.Contains("not known", host.Microcode.Evidence.How, StringComparison.Ordinal);
    }

    private static HostSnapshot ForCpu(string line, KernelRelease kernel) => Predictor.ForCpu(CpuLineTable.Find(line)!, kernel);
}
