using System.Numerics;
using Portolan.Formats.Plausibility;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.Plausibility;

public sealed class PlausibleHostTests
{
    private static readonly Evidence Recorded = new(EvidenceQuality.Recorded, "test");

    [FactAttribute]
    public void Of_does_not_believe_MSRs_that_are_another_one_rotated_by_index()
    {
        const ulong first = 0x60;
        MsrTable msrs = MsrTable.From([new(0xcf, first), .. Enumerable.Range(0x480, 0x12).Select(static index => new MsrValue((uint)index, BitOperations.RotateRight(first, 8 * ((index - 0xcf) % 8))))]);

        ImportedHost host = PlausibleHost.Of(new ImportedHost(new HostSnapshot { NativeMsrs = new(msrs, Recorded) }, []));

        Assert.Equal([new MsrValue(0xcf, first)], host.Snapshot.NativeMsrs!.Value);
        Assert.Contains("18 MSRs, MSR 480H IA32_VMX_BASIC to MSR 491H IA32_VMX_VMFUNC, hold MSR CFH", Assert.Single(host.Remarks), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x482u, 0x0000_0001_0000_0003ul, 0x482u)]
    [InlineData(0x48eu, 0xfff9_fffe_0401_e17aul, 0x482u)]
    [InlineData(0x486u, 0x8000_0000_8000_0021ul, 0x487u)]
    public void Of_does_not_believe_VMX_MSRs_that_contradict_themselves_or_each_other(uint index, ulong value, uint alsoGone)
    {
        MsrTable good = MsrTable.From([new(0x482, 0xfff9_fffe_0401_e172), new(0x48e, 0xfff9_fffe_0400_6172), new(0x486, 0x8000_0021), new(0x487, 0xffff_ffff)]);

        ImportedHost whole = PlausibleHost.Of(new ImportedHost(new HostSnapshot { FeatureMsrs = new(good, Recorded) }, []));
        ImportedHost host = PlausibleHost.Of(new ImportedHost(new HostSnapshot { FeatureMsrs = new(good.With(index, value), Recorded) }, []));

        Assert.Empty(whole.Remarks);
        Assert.Single(host.Remarks);
        Assert.False(host.Snapshot.FeatureMsrs!.Value.Contains(index));
        Assert.False(host.Snapshot.FeatureMsrs.Value.Contains(alsoGone));
    }

    [FactAttribute]
    public void Of_believes_every_CPU_line_and_no_impossible_leaf_0DH()
    {
        foreach (CpuLine line in CpuLineTable.All)
        {
            HostSnapshot host = new() { NativeCpuid = new(line.Values, Recorded), UnknownNativeBits = Complement(line.Values, line.Known), NativeCpuidIsPartial = true };
            Assert.Empty(PlausibleHost.Of(new ImportedHost(host, [])).Remarks);
        }

        CpuidTable overlapping = CpuidTable.From([new(new(0xd, 0), true, new(7, 0x340, 0x340, 0)), new(new(0xd, 2), true, new(0x100, 0x200, 0, 0))]);
        ImportedHost doubted = PlausibleHost.Of(new ImportedHost(new HostSnapshot { SupportedCpuid = new(overlapping, Recorded) }, []));

        Assert.Contains("CPUID.(EAX=0DH,ECX=2):EBX", Assert.Single(doubted.Remarks), StringComparison.Ordinal);
        Assert.Equal(uint.MaxValue, doubted.Snapshot.UnknownCpuidBits!.GetOrZero(0xd, 2).Ebx);
        Assert.Equal(default, doubted.Snapshot.SupportedCpuid!.Value.GetOrZero(0xd, 2));
        Assert.Equal(7u, doubted.Snapshot.SupportedCpuid.Value.GetOrZero(0xd).Eax);
    }

    [FactAttribute]
    public void Of_does_not_believe_a_feature_without_what_it_depends_on_nor_a_leaf_beyond_the_highest()
    {
        CpuidTable table = CpuLineTable.Find("milan")!.Values.WithValue(FeatureTable.Get("avx"), 0).With(new CpuidEntry(new(0x19, 0), false, new(1, 2, 3, 4)));

        ImportedHost host = PlausibleHost.Of(new ImportedHost(new HostSnapshot { NativeCpuid = new(table, Recorded) }, []));

        Assert.Contains(host.Remarks, static remark => remark.Contains("fma", StringComparison.Ordinal) && remark.Contains("without", StringComparison.Ordinal));
        Assert.Contains(host.Remarks, static remark => remark.Contains("CPUID.(EAX=19H,ECX=0) beyond the highest leaf", StringComparison.Ordinal));
        Assert.True(host.Snapshot.UnknownNativeBits!.Has("fma"));
        Assert.False(host.Snapshot.NativeCpuid!.Value.Has("fma"));
        Assert.Equal(new CpuidValues(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue), host.Snapshot.UnknownNativeBits!.GetOrZero(0x19));
    }

    private static CpuidTable Complement(CpuidTable values, CpuidTable? known) => CpuidTable.From(values.Select(row =>
    {
        CpuidValues mask = known?.GetOrZero(row.Address.Leaf, row.Address.Subleaf) ?? new CpuidValues(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
        return row with { Values = new(~mask.Eax, ~mask.Ebx, ~mask.Ecx, ~mask.Edx) };
    }));
}
