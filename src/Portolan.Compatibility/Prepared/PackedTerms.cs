using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Portolan.Compatibility.Prepared;

/// <summary>Words, numbers and the places of components in one array: what a guest needs, or what a host has.</summary>
internal sealed class PackedTerms
{
    private readonly ulong[] _terms = new ulong[PlacesAt + ComponentPlaces.Count];

    /// <summary>Where the numbers begin, in words.</summary>
    public static int NumbersAt { get; } = NeedTable.WordCount;

    /// <summary>Where the places begin, in words.</summary>
    public static int PlacesAt { get; } = NumbersAt + (NeedTable.NumberCount / 2);

    /// <summary>Everything.</summary>
    public ulong[] All => _terms;

    /// <summary>Bits.</summary>
    public Span<ulong> Words => _terms.AsSpan(0, NumbersAt);

    /// <summary>Numbers.</summary>
    public Span<uint> Numbers => MemoryMarshal.Cast<ulong, uint>(_terms.AsSpan(NumbersAt, PlacesAt - NumbersAt));

    /// <summary>Places.</summary>
    public Span<ulong> Places => _terms.AsSpan(PlacesAt);

    /// <summary>Is every bit that a stage needs there, and no number greater?</summary>
    public bool AreCoveredBy(PackedTerms host, Stage stage)
    {
        (Range words, Range numbers) = (NeedTable.WordsOf(stage), NeedTable.NumbersOf(stage));
        return Covers(Words[words], host.Words[words]) && Covers(Numbers[numbers], host.Numbers[numbers]);
    }

    /// <summary>Both spans have the same length, a multiple of a vector's.</summary>
    private static bool Covers(ReadOnlySpan<ulong> needed, ReadOnlySpan<ulong> has)
    {
        ref ulong need = ref MemoryMarshal.GetReference(needed);
        ref ulong own = ref MemoryMarshal.GetReference(has);
        Vector256<ulong> lacking = Vector256<ulong>.Zero;
        for (nuint i = 0; i + (nuint)Vector256<ulong>.Count <= (nuint)needed.Length; i += (nuint)Vector256<ulong>.Count)
        {
            lacking |= Vector256.AndNot(Vector256.LoadUnsafe(ref need, i), Vector256.LoadUnsafe(ref own, i));
        }

        return lacking == Vector256<ulong>.Zero;
    }

    /// <summary>Both spans have the same length, a multiple of a vector's.</summary>
    private static bool Covers(ReadOnlySpan<uint> needed, ReadOnlySpan<uint> has)
    {
        ref uint need = ref MemoryMarshal.GetReference(needed);
        ref uint own = ref MemoryMarshal.GetReference(has);
        Vector256<uint> greater = Vector256<uint>.Zero;
        for (nuint i = 0; i + (nuint)Vector256<uint>.Count <= (nuint)needed.Length; i += (nuint)Vector256<uint>.Count)
        {
            Vector256<uint> mine = Vector256.LoadUnsafe(ref own, i);
            greater |= Vector256.Max(Vector256.LoadUnsafe(ref need, i), mine) ^ mine;
        }

        return greater == Vector256<uint>.Zero;
    }
}
