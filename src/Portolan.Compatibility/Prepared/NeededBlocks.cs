using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// The blocks, of a vector each, in which a guest needs anything: most guests need something in every fifth. Each block is its place in
/// a host's terms and the four words needed there.
/// </summary>
internal readonly struct NeededBlocks
{
    private const int Words = 4;
    private const int Stride = Words + 1;
    private readonly ulong[] _blocks;
    private readonly int _numbersAt;

    /// <summary>Takes the blocks out of a guest's terms.</summary>
    public NeededBlocks(PackedTerms needs)
    {
        List<ulong> blocks = [];
        Add(blocks, needs.All, 0, PackedTerms.NumbersAt);
        _numbersAt = blocks.Count;
        Add(blocks, needs.All, PackedTerms.NumbersAt, PackedTerms.PlacesAt);
        _blocks = [.. blocks];
    }

    /// <summary>The blocks and their places.</summary>
    public ReadOnlySpan<ulong> All => _blocks;

    /// <summary>Is every needed bit there, and no needed number greater?</summary>
    /// <param name="terms">All terms of a host: as many as the guest's were.</param>
    public bool AreCoveredBy(ulong[] terms)
    {
        ref ulong own = ref MemoryMarshal.GetArrayDataReference(terms);
        ref ulong blocks = ref MemoryMarshal.GetArrayDataReference(_blocks);
        Vector256<ulong> lacking = Vector256<ulong>.Zero;
        nuint at = 0;
        for (; at < (nuint)_numbersAt; at += Stride)
        {
            lacking |= Vector256.AndNot(Vector256.LoadUnsafe(ref blocks, at + 1), Vector256.LoadUnsafe(ref own, Place(ref blocks, at)));
        }

        Vector256<uint> greater = Vector256<uint>.Zero;
        for (; at < (nuint)_blocks.Length; at += Stride)
        {
            Vector256<uint> has = Vector256.LoadUnsafe(ref own, Place(ref blocks, at)).AsUInt32();
            greater |= Vector256.Max(Vector256.LoadUnsafe(ref blocks, at + 1).AsUInt32(), has) ^ has;
        }

        return (lacking | greater.AsUInt64()) == Vector256<ulong>.Zero;
    }

    private static nuint Place(ref ulong blocks, nuint at) => (nuint)System.Runtime.CompilerServices.Unsafe.Add(ref blocks, at);

    private static void Add(List<ulong> blocks, ReadOnlySpan<ulong> terms, int from, int until)
    {
        for (int at = from; at < until; at += Words)
        {
            ReadOnlySpan<ulong> block = terms.Slice(at, Words);
            if (block.ContainsAnyExcept(0UL))
            {
                blocks.Add((ulong)at);
                blocks.AddRange(block);
            }
        }
    }
}
