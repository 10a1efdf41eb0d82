using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.X86.Tests.Msr;

public sealed class KnownMsrsTests
{
    [Fact]
    public void Every_MSR_feature_of_libvirt_has_the_same_index_and_bit()
    {
        XDocument map = XDocument.Load(Repository.SharedData("libvirt-cpu-map/x86_features.xml"));
        int compared = 0;
        foreach (XElement feature in map.Root!.Elements("feature"))
        {
            string name = feature.Attribute("name")!.Value;
            foreach (XElement msr in feature.Elements("msr"))
            {
                uint index = (uint)Number(msr, "index");
                int bit = BitOperations.TrailingZeroCount(Number(msr, "edx") << 32 | Number(msr, "eax"));

                MsrBits found = KnownMsrs.Bits.Single(bits => bits.Libvirt == name);
                Assert.Equal((index, bit, bit), (found.Msr, found.Low, found.High));
                compared++;
            }
        }

        Assert.Equal(10, compared);
    }

    [Fact]
    public void Every_MSR_of_the_Firecracker_fingerprints_has_a_name()
    {
        int files = 0;
        foreach (string file in Directory.EnumerateFiles(Repository.SharedData("firecracker-fingerprints"), "*.json"))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (JsonElement msr in document.RootElement.GetProperty("guest_cpu_config").GetProperty("msr_modifiers").EnumerateArray())
            {
                uint index = uint.Parse(msr.GetProperty("addr").GetString()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                KnownMsr? known = KnownMsrs.Find(index);
                Assert.True(known is not null, $"{Path.GetFileName(file)}: MSR {index:X}H has no row");
                Assert.True(known.Listing != MsrListing.None, $"{known} is in a fingerprint and should be in one of KVM's lists");
            }

            files++;
        }

        Assert.Equal(12, files);
    }

    [Theory]
    [InlineData("amd-5.10.218.txt")]
    [InlineData("amd-6.12.117.txt")]
    [InlineData("intel-5.10.218.txt")]
    [InlineData("intel-6.1.192.txt")]
    [InlineData("intel-6.12.117.txt")]
    public void Every_feature_MSR_a_measured_kernel_lists_is_one_the_table_says_it_can_list(string observations)
    {
        string line = KernelObservations.Lines(observations).Single(line => line.StartsWith("FEATURE_INDEX_LIST", StringComparison.Ordinal));
        string[] indexes = line.Split(": ")[1].Split(' ');

        Assert.NotEmpty(indexes);
        Assert.All(indexes, text => Assert.True(
            KnownMsrs.Find((uint)Vectors.Hex(text))?.Listing.HasFlag(MsrListing.Feature), $"MSR {text} is listed by {observations}"));
    }

    [Theory]
    [InlineData(0x10au, "IA32_ARCH_CAPABILITIES", MsrKind.Feature)]
    [InlineData(0x48bu, "IA32_VMX_PROCBASED_CTLS2", MsrKind.VmxCapability)]
    [InlineData(0x40000073u, "HV_X64_MSR_VP_ASSIST_PAGE", MsrKind.HyperV)]
    [InlineData(0x4b564d04u, "MSR_KVM_PV_EOI_EN", MsrKind.KvmPv)]
    [InlineData(0xc0000103u, "IA32_TSC_AUX", MsrKind.State)]
    [InlineData(0xc0011029u, "DE_CFG", MsrKind.Feature)]
    public void An_MSR_is_found_by_index_and_by_name(uint index, string name, MsrKind kind)
    {
        KnownMsr found = KnownMsrs.Find(index)!;

        Assert.Equal((name, kind), (found.Name, found.Kind));
        Assert.Same(found, KnownMsrs.Find(name));
        Assert.Equal($"MSR {index:X}H {name}", KnownMsrs.Describe(index));
    }

    [Fact]
    public void An_unknown_MSR_is_described_by_its_index()
    {
        Assert.Null(KnownMsrs.Find(0xdeadu));
        Assert.Null(KnownMsrs.Find("IA32_NOTHING"));
        Assert.Equal("MSR DEADH", KnownMsrs.Describe(0xdead));
    }

    [Fact]
    public void The_anti_features_of_ARCH_CAPABILITIES_are_the_only_ones_that_accumulate()
        => Assert.Equal(["RSBA", "RRSBA"], KnownMsrs.Bits.Where(bits => bits.Rule == MigrationRule.Accumulate).Select(bits => bits.Name));

    [Theory]
    [InlineData("RDCL_NO", 1, 0, false)]
    [InlineData("RDCL_NO", 0, 1, true)]
    [InlineData("RSBA", 0, 4, false)]
    [InlineData("RSBA", 4, 0, true)]
    [InlineData("LBR_FMT", 5, 6, false)]
    [InlineData("LBR_FMT", 0x2005, 5, true)]
    [InlineData("MICROCODE_UPDATE_SIGNATURE", 0x100000000, 0, true)]
    [InlineData("COUNT", 0x20, 0x0a, false)]
    public void A_rule_compares_only_its_own_bits(string name, ulong promised, ulong offered, bool allowed)
        => Assert.Equal(allowed, KnownMsrs.Bits.Single(bits => bits.Name == name).Allows(promised, offered));

    [Fact]
    public void Bits_without_a_row_are_told_apart()
    {
        KnownMsr capabilities = KnownMsrs.Find(MsrIndex.Ia32ArchCapabilities)!;

        Assert.Equal(1UL << 40, capabilities.Unnamed(1UL << 40 | 0x1eb));
        Assert.Equal("MSR 10AH IA32_ARCH_CAPABILITIES[7] TSX_CTRL tsx-ctrl (libvirt) tsx-ctrl (QEMU)", capabilities.Bits[7].ToString());
        Assert.Equal("MSR 10AH IA32_ARCH_CAPABILITIES[19] RRSBA ARCH_CAP_RRSBA (Linux)", capabilities.Bits[19].ToString());
        Assert.Equal("MSR 345H IA32_PERF_CAPABILITIES[11:8]", KnownMsrs.Find(MsrIndex.Ia32PerfCapabilities)!.Bits[3].Place());
    }

    [Fact]
    public void Fields_of_one_MSR_ascend_and_do_not_overlap()
        => Assert.All(KnownMsrs.All, msr => Assert.All(msr.Bits.Zip(msr.Bits.Skip(1)), pair => Assert.True(pair.First.High < pair.Second.Low, $"{pair}")));

    [Fact]
    public void Whatever_an_MSR_needs_is_a_feature_or_nothing_that_CPUID_has()
        => Assert.All(
            KnownMsrs.All.SelectMany(msr => msr.Needs),
            need => Assert.True(need is KnownMsr.Unpromised || FeatureTable.Get(need).Name == need, need));

    [Theory]
    [InlineData(0x3bu, "tsc-adjust")]
    [InlineData(0x48u, "amd-ssbd")]
    [InlineData(0x122u, "arch-capabilities")]
    [InlineData(0x38fu, "pmu-version")]
    [InlineData(0x1d9u, "bus-lock-detect")]
    [InlineData(0x6a4u, "shstk")]
    [InlineData(0x6a4u, "fred")]
    [InlineData(0xda0u, "xsaves")]
    [InlineData(0xc0000103u, "rdpid")]
    [InlineData(0xc0010000u, "perfctr-core")]
    [InlineData(0xc0010117u, "svm")]
    public void An_MSR_is_promised_by_any_feature_it_needs(uint index, string feature)
    {
        CpuidTable intel = Vendor("GenuineIntel");
        KnownMsr msr = KnownMsrs.Find(index)!;

        Assert.False(msr.IsPromised(intel), $"{msr} without a feature");
        Assert.True(msr.IsPromised(intel.WithValue(FeatureTable.Get(feature), 1)), $"{msr} with {feature}");
    }

    [Theory]
    [InlineData(0x4b564d01u, CpuidSpace.Kvm, "kvmclock2")]
    [InlineData(0x4b564d07u, CpuidSpace.Kvm, "kvm-asyncpf-int")]
    [InlineData(0x40000073u, CpuidSpace.HyperV, "hv-apic-access")]
    [InlineData(0x40000108u, CpuidSpace.HyperV, "hv-access-reenlightenment")]
    public void A_paravirtual_MSR_is_promised_by_a_bit_behind_its_signature(uint index, CpuidSpace space, string feature)
    {
        CpuidTable unsigned = Vendor("AuthenticAMD").With(0x40000003, 0, new(uint.MaxValue, 0, 0, 0)).With(0x40000101, 0, new(uint.MaxValue, 0, 0, 0));
        CpuidTable signed = space == CpuidSpace.HyperV
            ? Vendor("AuthenticAMD").With(0x40000001, 0, new(0x31237648, 0, 0, 0))
            : Vendor("AuthenticAMD").With(0x40000100, 0, new(0x40000101, 0x4b4d564b, 0x564b4d56, 0x4d));
        KnownMsr msr = KnownMsrs.Find(index)!;

        Assert.False(msr.IsPromised(unsigned));
        Assert.False(msr.IsPromised(signed));
        Assert.True(msr.IsPromised(signed.WithValue(FeatureTable.Get(feature), 1)));
    }

    [Theory]
    [InlineData(0x1dbu)]
    [InlineData(0x1deu)]
    public void What_no_CPUID_bit_promises_is_promised_to_nobody(uint index)
    {
        CpuidTable everything = FeatureTable.All.ToArray().Where(feature => feature is { Space: CpuidSpace.Cpu, IsBit: true })
            .Aggregate(Vendor("AuthenticAMD"), (table, feature) => table.WithValue(feature, 1));

        Assert.False(KnownMsrs.Find(index)!.IsPromised(everything));
    }

    [Fact]
    public void An_MSR_that_needs_nothing_is_promised_to_every_guest()
        => Assert.All(KnownMsrs.All.Where(msr => msr.Needs.Count == 0), msr => Assert.True(msr.IsPromised(CpuidTable.Empty)));

    /// <summary>A table with leaf 0 alone: the vendor string is EBX, EDX, ECX.</summary>
    private static CpuidTable Vendor(string name)
    {
        byte[] text = Encoding.ASCII.GetBytes(name);
        return CpuidTable.Empty.With(0, 0, new(
            0x16, BitConverter.ToUInt32(text, 0), BitConverter.ToUInt32(text, 8), BitConverter.ToUInt32(text, 4)));
    }

    private static ulong Number(XElement element, string attribute)
        => ulong.Parse(element.Attribute(attribute)!.Value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
