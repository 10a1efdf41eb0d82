using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;

namespace Portolan.Compatibility.Prepared;

/// <summary>Every row of the prepared form, and where each stands in the packed words and numbers.</summary>
internal static class NeedTable
{
    /// <summary>Stages begin at multiples of this many words, so that whole vectors cover them.</summary>
    private const int WordsOfVector = 8;
    private const int BitsOfWord = 64;

    private static readonly ImmutableArray<(FlagNeed Row, int Bit)> Flags;
    private static readonly ImmutableArray<(WordsNeed Row, int Word)> Words;
    private static readonly ImmutableArray<(NumberNeed Row, int At)> Numbers;
    private static readonly ImmutableArray<Range> WordRanges;
    private static readonly ImmutableArray<Range> NumberRanges;

    static NeedTable()
    {
        All = [.. PolicyNeeds.Rows, .. CpuidNeeds.Rows, .. SetupNeeds.Rows, .. StateNeeds.Rows, .. MsrNeeds.Rows, .. VmxNeeds.Rows];
        ImmutableArray<(FlagNeed, int)>.Builder flags = ImmutableArray.CreateBuilder<(FlagNeed, int)>();
        ImmutableArray<(WordsNeed, int)>.Builder words = ImmutableArray.CreateBuilder<(WordsNeed, int)>();
        ImmutableArray<(NumberNeed, int)>.Builder numbers = ImmutableArray.CreateBuilder<(NumberNeed, int)>();
        List<Range> wordRanges = [];
        List<Range> numberRanges = [];
        foreach (Stage stage in Enum.GetValues<Stage>())
        {
            int firstWord = WordCount;
            int firstNumber = NumberCount;
            int bit = WordCount * BitsOfWord;
            foreach (FlagNeed row in All.OfType<FlagNeed>().Where(row => row.Stage == stage))
            {
                flags.Add((row, bit++));
            }

            WordCount = (bit + BitsOfWord - 1) / BitsOfWord;
            foreach (WordsNeed row in All.OfType<WordsNeed>().Where(row => row.Stage == stage))
            {
                words.Add((row, WordCount));
                WordCount += row.Words;
            }

            foreach (NumberNeed row in All.OfType<NumberNeed>().Where(row => row.Stage == stage))
            {
                numbers.Add((row, NumberCount++));
            }

            WordCount = Whole(WordCount);
            NumberCount = Whole(NumberCount);
            wordRanges.Add(firstWord..WordCount);
            numberRanges.Add(firstNumber..NumberCount);
        }

        (Flags, Words, Numbers) = (flags.ToImmutable(), words.ToImmutable(), numbers.ToImmutable());
        (WordRanges, NumberRanges) = ([.. wordRanges], [.. numberRanges]);
    }

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> All { get; }

    /// <summary>Words of a packed form, a multiple of a vector's.</summary>
    public static int WordCount { get; private set; }

    /// <summary>Numbers of a packed form, a multiple of a vector's words.</summary>
    public static int NumberCount { get; private set; }

    /// <summary>The words of a stage.</summary>
    public static Range WordsOf(Stage stage) => WordRanges[(int)stage];

    /// <summary>The numbers of a stage.</summary>
    public static Range NumbersOf(Stage stage) => NumberRanges[(int)stage];

    /// <summary>Packs what a guest needs.</summary>
    public static void Pack(Departure guest, Span<ulong> words, Span<uint> numbers)
    {
        foreach ((FlagNeed row, int bit) in Flags)
        {
            words[bit / BitsOfWord] |= row.IsNeeded(guest) ? 1UL << (bit % BitsOfWord) : 0;
        }

        foreach ((WordsNeed row, int word) in Words)
        {
            row.Pack(guest, words.Slice(word, row.Words));
        }

        foreach ((NumberNeed row, int at) in Numbers)
        {
            numbers[at] = row.Needed(guest);
        }
    }

    /// <summary>Packs what a host has, as far as it is known well enough for a stage.</summary>
    public static void Pack(HostFacts host, PackedOffer offer)
    {
        foreach ((FlagNeed row, int bit) in Flags.Where(flag => IsAsked(host, flag.Row)))
        {
            offer.At(bit / BitsOfWord, 1).Lacks(0, 1UL << (bit % BitsOfWord), row.Gives(host));
        }

        foreach ((WordsNeed row, int word) in Words.Where(words => IsAsked(host, words.Row)))
        {
            row.Offer(host, offer.At(word, row.Words));
        }

        foreach ((NumberNeed row, int at) in Numbers.Where(number => IsAsked(host, number.Row)))
        {
            offer.Number(at, row.Offered(host));
        }
    }

    private static bool IsAsked(HostFacts host, Need row) => row.Stage == Stage.Policy || host.MissingForAll.IsEmpty;

    private static int Whole(int count) => (count + WordsOfVector - 1) / WordsOfVector * WordsOfVector;
}
