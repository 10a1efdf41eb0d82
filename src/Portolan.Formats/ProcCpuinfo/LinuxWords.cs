using System.Collections.Frozen;
using Portolan.X86.Features;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>The CPUID bits that words of /proc/cpuinfo stand for (the column linux of data/x86/features.tsv).</summary>
internal static class LinuxWords
{
    // Set by Linux itself for AMD's processors, whatever leaf 06H says (arch/x86/kernel/cpu/amd.c, early_init_amd and init_amd).
    private const string SetForAmd = "arat";

    private static readonly FrozenDictionary<string, CpuidFeature> ByWord = Index();

    /// <summary>The bit that must be 1 where a word stands; null where the word is Linux's own, or could come of several bits.</summary>
    public static CpuidFeature? BitOf(string word, CpuidVendor? vendor)
        => ByWord.TryGetValue(word, out CpuidFeature? feature)
            && (feature.Vendor == CpuidVendor.Any || feature.Vendor == vendor)
            && !(word == SetForAmd && vendor != CpuidVendor.Intel)
            ? feature : null;

    private static FrozenDictionary<string, CpuidFeature> Index()
    {
        Dictionary<string, CpuidFeature> words = new(StringComparer.Ordinal);
        HashSet<string> ambiguous = [];
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            if (feature is { Space: CpuidSpace.Cpu, IsBit: true, Linux: { } word } && !words.TryAdd(word, feature))
            {
                ambiguous.Add(word);
            }
        }

        return words.Where(row => !ambiguous.Contains(row.Key)).ToFrozenDictionary(static row => row.Key, static row => row.Value, StringComparer.Ordinal);
    }
}
