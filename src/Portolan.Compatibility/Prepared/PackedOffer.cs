using Portolan.Compatibility.Judging;

namespace Portolan.Compatibility.Prepared;

/// <summary>What a host has, three times: without reserve; with a warning too; what it may have too, as far as is known.</summary>
internal sealed class PackedOffer
{
    /// <summary>Nothing is lacking at first.</summary>
    public PackedOffer()
    {
        foreach (PackedTerms terms in (PackedTerms[])[Clean, Sure, Possible])
        {
            terms.Words.Fill(ulong.MaxValue);
            terms.Numbers.Fill(uint.MaxValue);
        }
    }

    public PackedTerms Clean { get; } = new();

    public PackedTerms Sure { get; } = new();

    public PackedTerms Possible { get; } = new();

    /// <summary>The words of a row.</summary>
    public Offer At(int word, int count) => new(Clean.Words.Slice(word, count), Sure.Words.Slice(word, count), Possible.Words.Slice(word, count));

    /// <summary>A number, in the way of <see cref="Offer.Lacks"/>.</summary>
    public void Number(int at, OfferedNumber number)
    {
        Clean.Numbers[at] = number.Otherwise > Verdict.Compatible ? number.Value : uint.MaxValue;
        Sure.Numbers[at] = number.Otherwise > Verdict.CompatibleWithWarnings ? number.Value : uint.MaxValue;
        Possible.Numbers[at] = number.Otherwise > Verdict.Unknown ? number.Value : uint.MaxValue;
    }
}
