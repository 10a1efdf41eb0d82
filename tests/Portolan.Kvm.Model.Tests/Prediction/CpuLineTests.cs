using System.Globalization;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Prediction;

/// <summary>The CPU lines against recorded dumps of such CPUs (InstLatx64), which are no source of the table.</summary>
public sealed class CpuLineTests
{
    // What a dump says otherwise for a reason of its own.
    private static readonly (string Dump, string Feature, string Why)[] OfTheDump =
    [
        ("GenuineIntel0050654_SkylakeXeon_CPUID10", "pku", "a Xeon W, which lacks PKU"),
        ("GenuineIntel0050657_CascadeLakeSP_CPUID1", "syscall", "read in 32-bit mode"),
        ("GenuineIntel00806F8_SapphireRapids_05_CPUID", "syscall", "read in 32-bit mode"),
        ("GenuineIntel00C06F2_EmeraldRapids_01_CPUID", "syscall", "read in 32-bit mode"),
        ("GenuineIntel00A06D1_GraniteRapids_03_CPUID", "syscall", "read in 32-bit mode"),
    ];

    [Theory]
    [InlineData("skylake-sp", "GenuineIntel0050654_SkylakeXeon_CPUID10")]
    [InlineData("cascade-lake", "GenuineIntel0050657_CascadeLakeSP_CPUID1")]
    [InlineData("sapphire-rapids", "GenuineIntel00806F8_SapphireRapids_05_CPUID")]
    [InlineData("emerald-rapids", "GenuineIntel00C06F2_EmeraldRapids_01_CPUID")]
    [InlineData("granite-rapids", "GenuineIntel00A06D1_GraniteRapids_03_CPUID")]
    [InlineData("rome", "AuthenticAMD0830F10_K17_Rome_CPUID")]
    [InlineData("milan", "AuthenticAMD0A00F11_K19_Milan_02_CPUID")]
    [InlineData("genoa", "AuthenticAMD0A10F11_K19_Genoa_01_CPUID")]
    [InlineData("bergamo", "AuthenticAMD0AA0F02_K19_Bergamo_04_CPUID")]
    [InlineData("turin", "AuthenticAMD0B00F21_K20_Turin_01_CPUID")]
    [InlineData("turin-dense", "AuthenticAMD0B10F10_K20_TurinD_03_CPUID")]
    public void Line_agrees_with_a_recorded_CPU(string name, string dump)
    {
        CpuidTable recorded = Read(Repository.SharedData($"instlatx64/{dump}.txt"));
        CpuLine line = CpuLineTable.Find(name)!;

        Assert.Same(line, CpuLineTable.Identify(recorded));
        List<string> differences = [];
        int compared = 0;
        foreach (CpuidFeature feature in FeatureTable.All.ToArray().Where(one => one.Space == CpuidSpace.Cpu && one.Name is not ("stepping" or "xsave-size-max")))
        {
            if (feature.ValueIn(line.Known.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)) != feature.ValueIn(uint.MaxValue))
            {
                continue;
            }

            compared++;
            uint said = feature.ValueIn(line.Values.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf));
            uint found = feature.ValueIn(recorded.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf));
            if (said != found && !OfTheDump.Any(known => known.Dump == dump && known.Feature == feature.Name) && !IsUnshownComponent(feature))
            {
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{feature.Name}: line {said:x}, dump {found:x}"));
            }
        }

        Assert.True(compared > 250, $"only {compared} fields are known of {name}");
        Assert.Empty(differences);
    }

    [Fact]
    public void Layouts_of_the_components_agree_with_the_recorded_CPUs()
    {
        foreach ((string name, string dump) in new[] { ("sapphire-rapids", "GenuineIntel00806F8_SapphireRapids_05_CPUID"), ("cascade-lake", "GenuineIntel0050657_CascadeLakeSP_CPUID1"), ("milan", "AuthenticAMD0A00F11_K19_Milan_02_CPUID"), ("turin", "AuthenticAMD0B00F21_K20_Turin_01_CPUID") })
        {
            CpuidTable recorded = Read(Repository.SharedData($"instlatx64/{dump}.txt"));
            foreach (CpuidEntry entry in CpuLineTable.Find(name)!.Values.Where(entry => entry.Address is { Leaf: 0xd, Subleaf: > 1 } && entry.Values.Eax != 0))
            {
                Assert.Equal((entry.Address, entry.Values), (entry.Address, recorded.GetOrZero(0xd, entry.Address.Subleaf)));
            }
        }
    }

    // Zen 2 says component 9 without having PKU: nothing shows it.
    private static bool IsUnshownComponent(CpuidFeature feature) => feature.Name is "xcr0-pkru" or "xfeature-size" or "xfeature-offset";

    private static CpuidTable Read(string path)
    {
        Dictionary<CpuidAddress, CpuidEntry> entries = [];
        foreach (string line in File.ReadLines(path).TakeWhile(line => !line.Contains("Logical CPU #1 ", StringComparison.Ordinal)))
        {
            string[] words = line.Split(':', '-', ' ');
            if (words.Length < 7 || words[0] != "CPUID" || !uint.TryParse(words[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint leaf))
            {
                continue;
            }

            int at = line.IndexOf("[SL ", StringComparison.Ordinal);
            uint subleaf = at < 0 ? 0 : uint.Parse(line.AsSpan(at + 4, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            uint[] values = [.. words[3..7].Select(word => uint.Parse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];
            CpuidAddress address = new(leaf, subleaf);
            entries.TryAdd(address, new(address, CpuidLeaves.SubleafIsSignificant(leaf), new(values[0], values[1], values[2], values[3])));
        }

        return CpuidTable.From(entries.Values);
    }
}
