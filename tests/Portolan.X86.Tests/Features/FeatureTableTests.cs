using System.Globalization;
using System.Numerics;
using System.Xml.Linq;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class FeatureTableTests
{
    private static readonly CpuidRegister[] Registers = Enum.GetValues<CpuidRegister>();

    [Fact]
    public void All_rows_have_their_position_a_place_and_a_source()
    {
        for (int i = 0; i < FeatureTable.All.Length; i++)
        {
            CpuidFeature feature = FeatureTable.At(i);
            Assert.Equal(i, feature.Index);
            Assert.InRange(feature.LowBit + feature.Width, 1, 32);
            Assert.Contains(feature, FeatureTable.At(feature.Address, feature.Register, feature.Space));
            Assert.NotEmpty(feature.Source);
            Assert.True(FeatureTable.TryFind(feature.Name, out CpuidFeature? found));
            Assert.Same(feature, found);
            Assert.True(i == 0 || Comparer<(int, uint, int, uint, int)>.Default.Compare(Place(FeatureTable.At(i - 1)), Place(feature)) < 0);
        }
    }

    [Fact]
    public void Every_cpuid_feature_of_libvirt_has_the_same_leaf_register_and_bit()
    {
        XDocument map = XDocument.Load(Repository.SharedData("libvirt-cpu-map/x86_features.xml"));
        int compared = 0;
        foreach (XElement feature in map.Root!.Elements("feature"))
        {
            string name = feature.Attribute("name")!.Value;
            foreach (XElement cpuid in feature.Elements("cpuid"))
            {
                CpuidAddress address = new(Number(cpuid, "eax_in"), Number(cpuid, "ecx_in"));
                CpuidRegister register = Registers.Single(register => cpuid.Attribute(Word(register)) is not null);
                int bit = BitOperations.TrailingZeroCount(Number(cpuid, Word(register)));

                CpuidFeature found = FeatureTable.FindAll(name).Single(row => row.Libvirt.Contains(name));
                Assert.Equal((address, register, bit, 1), (found.Address, found.Register, found.LowBit, found.Width));
                compared++;
            }

            foreach (string alias in feature.Elements("alias").Select(alias => alias.Attribute("name")!.Value))
            {
                // Some aliases are other projects' old spellings; those of ours that we know must mean the same bit.
                if (FeatureTable.TryFind(alias, out CpuidFeature? found))
                {
                    Assert.Contains(name, found.Libvirt);
                }
            }
        }

        Assert.Equal(202, compared);
    }

    [Theory]
    [InlineData("spec-ctrl", "CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU)")]
    [InlineData("sse4.1", "CPUID.(EAX=01H,ECX=0):ECX[19] sse4.1 (libvirt) sse4.1 (QEMU) sse4_1 (Linux)")]
    [InlineData("shstk", "CPUID.(EAX=07H,ECX=0):ECX[7] shstk cet-ss (QEMU)")]
    [InlineData("phys-bits", "CPUID.(EAX=80000008H,ECX=0):EAX[7:0] phys-bits (QEMU)")]
    [InlineData("xcr0-xtiledata", "CPUID.(EAX=0DH,ECX=0):EAX[18] xcr0-xtiledata XFEATURE_MASK_XTILE_DATA (Linux)")]
    [InlineData("kvm-pv-eoi", "CPUID.(EAX=40000001H,ECX=0):EAX[6] kvm-pv-eoi (QEMU)")]
    [InlineData("hv-nested-evmcs1-perf-global-ctrl", "CPUID.(EAX=4000000AH,ECX=0):EBX[0] hv-nested-evmcs1-perf-global-ctrl HV_X64_NESTED_EVMCS1_PERF_GLOBAL_CTRL (Linux)")]
    public void ToString_is_the_manuals_notation_and_every_name(string name, string expected)
        => Assert.Equal(expected, FeatureTable.Get(name).ToString());

    [Theory]
    [InlineData("tsc_adjust", "tsc-adjust")]
    [InlineData("TSC-ADJUST", "tsc-adjust")]
    [InlineData("pclmuldq", "pclmulqdq")]
    [InlineData("cet-ss", "shstk")]
    [InlineData("dts", "ds")]
    [InlineData("X86_FEATURE_SPEC_CTRL", "spec-ctrl")]
    [InlineData("KVM_FEATURE_PV_EOI", "kvm-pv-eoi")]
    [InlineData("cmt", "cqm")]
    public void TryFind_knows_every_naming(string name, string ours)
    {
        Assert.True(FeatureTable.TryFind(name, out CpuidFeature? feature));
        Assert.Equal(ours, feature.Name);
    }

    [Fact]
    public void FindAll_of_a_name_for_two_bits_has_both()
    {
        Assert.Equal(["kvmclock", "kvmclock2"], FeatureTable.FindAll("kvmclock").Select(feature => feature.Name));
        Assert.Equal(["hv-time-ref-count", "hv-reference-tsc"], FeatureTable.FindAll("hv-time").Select(feature => feature.Name));
        Assert.Empty(FeatureTable.FindAll("no-such-feature"));
    }

    [Fact]
    public void Run_time_fields_are_those_of_the_contract()
    {
        string[] names = [.. FeatureTable.All.ToArray().Where(feature => feature.VariesAtRunTime).Select(feature => feature.Name).Order(StringComparer.Ordinal)];

        Assert.Equal(["amd-apic", "apic", "kvm-pv-unhalt", "monitor", "ospke", "osxsave", "xsave-size-enabled", "xsaves-size-enabled"], names);
    }

    private static (int Space, uint Leaf, int Register, uint Subleaf, int Bit) Place(CpuidFeature feature)
        => ((int)feature.Space, feature.Address.Leaf, (int)feature.Register, feature.Address.Subleaf, feature.LowBit);

    private static string Word(CpuidRegister register) => register switch
    {
        CpuidRegister.Eax => "eax",
        CpuidRegister.Ebx => "ebx",
        CpuidRegister.Ecx => "ecx",
        _ => "edx",
    };

    private static uint Number(XElement element, string attribute)
        => element.Attribute(attribute)?.Value is string text
            ? uint.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : 0;
}
