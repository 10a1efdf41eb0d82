using Portolan.Compatibility.Judging;

namespace Portolan.Compatibility.Prepared;

/// <summary>What a host has, three times: without reserve; with a warning too; what it may have too, as far as is known.</summary>
internal sealed class PackedOffer
{
    /// <summary>Nothing is lacking at first.</summary>
    public PackedOffer()
    {
        foreach (ulong[] words in (ulong[][])[Clean, Sure, Possible])
        {
            Array.Fill(words, ulong.MaxValue);
        }

        foreach (uint[] numbers in (uint[][])[CleanNumbers, SureNumbers, PossibleNumbers])
        {
            Array.Fill(numbers, uint.MaxValue);
        }
    }

    public ulong[] Clean { get; } = new ulong[NeedTable.WordCount];

    public ulong[] Sure { get; } = new ulong[NeedTable.WordCount];

    public ulong[] Possible { get; } = new ulong[NeedTable.WordCount];

    public uint[] CleanNumbers { get; } = new uint[NeedTable.NumberCount];

    public uint[] SureNumbers { get; } = new uint[NeedTable.NumberCount];

    public uint[] PossibleNumbers { get; } = new uint[NeedTable.NumberCount];

    /// <summary>The words of a row.</summary>
    public Offer At(int word, int count) => new(Clean.AsSpan(word, count), Sure.AsSpan(word, count), Possible.AsSpan(word, count));

    /// <summary>A number, in the way of <see cref="Offer.Lacks"/>.</summary>
    public void Number(int at, OfferedNumber number)
    {
        CleanNumbers[at] = number.Otherwise > Verdict.Compatible ? number.Value : uint.MaxValue;
        SureNumbers[at] = number.Otherwise > Verdict.CompatibleWithWarnings ? number.Value : uint.MaxValue;
        PossibleNumbers[at] = number.Otherwise > Verdict.Unknown ? number.Value : uint.MaxValue;
    }
}
