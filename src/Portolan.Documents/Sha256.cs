using System.Buffers.Binary;
using System.Numerics;

namespace Portolan.Documents;

/// <summary>
/// SHA-256 (FIPS 180-4) without a library of the system's: the runtime's own needs OpenSSL, and a program under a lab kernel or on a small
/// host has none.
/// </summary>
public sealed class Sha256
{
    /// <summary>A digest's length in bytes.</summary>
    public const int DigestLength = 32;

    private const int BlockLength = 64, Rounds = 64, LengthAt = 56;

    private static readonly uint[] RoundConstants = FirstPrimes(Rounds, static prime => FractionOfRoot(prime, 3));
    private static readonly uint[] InitialState = FirstPrimes(8, static prime => FractionOfRoot(prime, 2));

    private readonly uint[] _state = [.. InitialState];
    private readonly byte[] _block = new byte[BlockLength];
    private int _filled;
    private long _length;

    /// <summary>The digest of bytes, as 64 lower-case hexadecimal digits.</summary>
    public static string HexOf(ReadOnlySpan<byte> bytes)
    {
        Sha256 hash = new();
        hash.Append(bytes);
        return hash.FinishHex();
    }

    /// <summary>The digest of a stream from here to its end, as 64 lower-case hexadecimal digits.</summary>
    public static string HexOf(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Sha256 hash = new();
        byte[] room = new byte[1 << 16];
        for (int read = stream.Read(room); read > 0; read = stream.Read(room))
        {
            hash.Append(room.AsSpan(0, read));
        }

        return hash.FinishHex();
    }

    /// <summary>More of the message.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _length += bytes.Length;
        if (_filled > 0)
        {
            int taken = Math.Min(BlockLength - _filled, bytes.Length);
            bytes[..taken].CopyTo(_block.AsSpan(_filled));
            _filled += taken;
            bytes = bytes[taken..];
            if (_filled < BlockLength)
            {
                return;
            }

            Compress(_block);
            _filled = 0;
        }

        for (; bytes.Length >= BlockLength; bytes = bytes[BlockLength..])
        {
            Compress(bytes);
        }

        bytes.CopyTo(_block);
        _filled = bytes.Length;
    }

    /// <summary>The digest, as 64 lower-case hexadecimal digits. The object is of no use afterwards.</summary>
    public string FinishHex()
    {
        long bits = _length * 8;
        int padding = (_filled < LengthAt ? LengthAt : LengthAt + BlockLength) - _filled;
        Span<byte> tail = stackalloc byte[padding + sizeof(long)];
        tail.Clear();
        tail[0] = 1 << 7;
        BinaryPrimitives.WriteInt64BigEndian(tail[padding..], bits);
        Append(tail);
        Span<byte> digest = stackalloc byte[DigestLength];
        for (int i = 0; i < _state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest[(i * sizeof(uint))..], _state[i]);
        }

        return Convert.ToHexStringLower(digest);
    }

    /// <summary>One block into the state: sums are modulo 2 to the 32nd.</summary>
    private void Compress(ReadOnlySpan<byte> block)
    {
        unchecked
        {
            Span<uint> w = stackalloc uint[Rounds];
            for (int i = 0; i < Rounds; i++)
            {
                w[i] = i < 16
                    ? BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..])
                    : w[i - 16] + w[i - 7]
                        + (BitOperations.RotateRight(w[i - 15], 7) ^ BitOperations.RotateRight(w[i - 15], 18) ^ (w[i - 15] >> 3))
                        + (BitOperations.RotateRight(w[i - 2], 17) ^ BitOperations.RotateRight(w[i - 2], 19) ^ (w[i - 2] >> 10));
            }

            (uint a, uint b, uint c, uint d) = (_state[0], _state[1], _state[2], _state[3]);
            (uint e, uint f, uint g, uint h) = (_state[4], _state[5], _state[6], _state[7]);
            for (int i = 0; i < Rounds; i++)
            {
                uint one = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25))
                    + ((e & f) ^ (~e & g)) + RoundConstants[i] + w[i];
                uint two = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22))
                    + ((a & b) ^ (a & c) ^ (b & c));
                (h, g, f, e, d, c, b, a) = (g, f, e, d + one, c, b, a, one + two);
            }

            ReadOnlySpan<uint> added = [a, b, c, d, e, f, g, h];
            for (int i = 0; i < added.Length; i++)
            {
                _state[i] += added[i];
            }
        }
    }

    /// <summary>The constants are the first 32 bits of the fractions of roots of the first primes.</summary>
    private static uint[] FirstPrimes(int count, Func<uint, uint> constant)
    {
        List<uint> primes = [];
        for (uint candidate = 2; primes.Count < count; candidate++)
        {
            if (primes.All(prime => candidate % prime != 0))
            {
                primes.Add(candidate);
            }
        }

        return [.. primes.Select(constant)];
    }

    /// <summary>The largest root whose power does not exceed the prime shifted left by 32 bits for each factor; its low 32 bits.</summary>
    private static uint FractionOfRoot(uint prime, int power)
    {
        UInt128 shifted = (UInt128)prime << (32 * power);
        ulong root = 0;
        for (int bit = 37; bit >= 0; bit--)
        {
            ulong tried = root | (1UL << bit);
            UInt128 raised = power == 2 ? (UInt128)tried * tried : (UInt128)tried * tried * tried;
            root = raised <= shifted ? tried : root;
        }

        return (uint)(root & uint.MaxValue);
    }
}
