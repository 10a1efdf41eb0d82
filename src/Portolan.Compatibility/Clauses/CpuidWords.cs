using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Compatibility.Clauses;

/// <summary>
/// The CPU's own CPUID leaves as an array of registers, one for each place that has a named field, so that two tables are compared
/// word by word and names are looked up only where something offends.
/// </summary>
internal static class CpuidWords
{
    private static readonly Slot[] Slots = CreateSlots();

    /// <summary>Of each word: bits of which each must be in the host where the guest has it.</summary>
    public static ImmutableArray<uint> Subset { get; } = [.. Slots.Select(slot => Mask(slot, MigrationRule.Subset))];

    /// <summary>Of each word: bits that the guest must have where the host does, or that must be equal.</summary>
    public static ImmutableArray<uint> Inverted { get; } = [.. Slots.Select(slot => Mask(slot, MigrationRule.Accumulate))];

    /// <summary>Of each word: bits that must be equal.</summary>
    public static ImmutableArray<uint> Equal { get; } = [.. Slots.Select(slot => Mask(slot, MigrationRule.Equal))];

    /// <summary>Numbers with a rule, but for those that have a clause of their own.</summary>
    public static ImmutableArray<(CpuidFeature Field, int Word)> Numbers { get; } =
        [.. FeatureTable.All.ToArray().Where(IsNumber).Select(field => (field, WordOf(field)))];

    /// <summary>The word of CPUID.(EAX=0DH,ECX=0):EAX.</summary>
    public static int UserComponentsLow { get; } = WordOf(FeatureTable.Get("xcr0-x87"));

    /// <summary>The word of CPUID.(EAX=0DH,ECX=0):EDX.</summary>
    public static int UserComponentsHigh { get; } = WordOf(FeatureTable.Get("xcr0-lwp"));

    /// <summary>How many words there are.</summary>
    public static int Count => Slots.Length;

    /// <summary>The registers of a table; a leaf that it lacks reads as 0.</summary>
    public static uint[] Of(CpuidTable table)
    {
        uint[] words = new uint[Slots.Length];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = table.GetOrZero(Slots[i].Address.Leaf, Slots[i].Address.Subleaf)[Slots[i].Register];
        }

        return words;
    }

    /// <summary>Sets every bit of the words whose leaf a table lacks.</summary>
    public static uint[] MarkAbsent(CpuidTable table, uint[] words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = table.TryGet(Slots[i].Address.Leaf, Slots[i].Address.Subleaf, out _) ? words[i] : uint.MaxValue;
        }

        return words;
    }

    /// <summary>The named one-bit field at a bit of a word; null where there is none.</summary>
    public static CpuidFeature? BitAt(int word, int bit) => Slots[word].Bits[bit];

    /// <summary>The word of a field; -1 where it is in none.</summary>
    public static int WordOf(CpuidFeature field)
        => Array.FindIndex(Slots, slot => slot.Address == field.Address && slot.Register == field.Register);

    /// <summary>A field that stands in many subleaves is judged in the first.</summary>
    private static bool IsJudged(CpuidFeature field) => field.Space == CpuidSpace.Cpu;

    private static bool IsNumber(CpuidFeature field)
        => IsJudged(field) && field.LastSubleaf == field.Address.Subleaf && !field.IsBit && !field.VariesAtRunTime
            && field.Rule is not (MigrationRule.Synthesised or MigrationRule.Subset);

    private static uint Mask(Slot slot, MigrationRule rule)
    {
        uint mask = 0;
        foreach (CpuidFeature? field in slot.Bits)
        {
            mask |= field is not null && field.Rule == rule && !field.VariesAtRunTime ? field.RegisterMask : 0;
        }

        return mask;
    }

    private static Slot[] CreateSlots()
    {
        SortedDictionary<(CpuidAddress Address, CpuidRegister Register), CpuidFeature?[]> slots = [];
        foreach (CpuidFeature field in FeatureTable.All.ToArray().Where(IsJudged))
        {
            (CpuidAddress, CpuidRegister) key = (field.Address, field.Register);
            CpuidFeature?[] bits = slots.TryGetValue(key, out CpuidFeature?[]? known) ? known : slots[key] = new CpuidFeature?[32];
            if (field.IsBit)
            {
                bits[field.LowBit] = field;
            }
        }

        return [.. slots.Select(static slot => new Slot(slot.Key.Address, slot.Key.Register, slot.Value))];
    }

    private sealed record Slot(CpuidAddress Address, CpuidRegister Register, CpuidFeature?[] Bits);
}
