using System.Collections.Immutable;

namespace Portolan.Streams.Rewrite;

/// <summary>Copies a stream with edits, and proves afterwards that the copy differs in nothing else.</summary>
public static class StreamCopy
{
    private const int BufferSize = 1 << 20;

    /// <summary>Copies all of the input, edited, in pieces.</summary>
    /// <param name="input">The original, from its start.</param>
    /// <param name="output">The copy.</param>
    /// <param name="edits">The edits by offset.</param>
    /// <param name="start">Where in the input the stream begins; offsets count from there.</param>
    public static void Write(Stream input, Stream output, ImmutableArray<StreamEdit> edits, long start)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        byte[] buffer = new byte[BufferSize];
        input.Position = 0;
        foreach (StreamEdit edit in edits)
        {
            Pass(input, edit.Offset + start - input.Position, buffer, output.Write);
            output.Write(edit.Inserted.AsSpan());
            input.Position += edit.Removed;
        }

        Pass(input, input.Length - input.Position, buffer, output.Write);
    }

    /// <summary>
    /// Where the copy is not the original with these edits, as an offset in the copy; null where it is. Every byte of both is read.
    /// </summary>
    public static long? FirstDifference(Stream input, Stream copy, ImmutableArray<StreamEdit> edits, long start)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(copy);
        byte[] buffer = new byte[BufferSize];
        byte[] other = new byte[BufferSize];
        long? different = null;
        input.Position = 0;
        copy.Position = 0;
        void Compare(ReadOnlySpan<byte> bytes)
        {
            Span<byte> there = other.AsSpan(0, bytes.Length);
            int read = copy.ReadAtLeast(there, bytes.Length, throwOnEndOfStream: false);
            int same = bytes[..read].CommonPrefixLength(there[..read]);
            different ??= same < bytes.Length ? copy.Position - read + same : null;
        }

        foreach (StreamEdit edit in edits)
        {
            Pass(input, edit.Offset + start - input.Position, buffer, Compare);
            Compare(edit.Inserted.AsSpan());
            input.Position += edit.Removed;
        }

        Pass(input, input.Length - input.Position, buffer, Compare);
        return different ?? (copy.Position == copy.Length ? null : copy.Position);
    }

    private static void Pass(Stream input, long count, byte[] buffer, Taker take)
    {
        while (count > 0)
        {
            int read = input.Read(buffer, 0, (int)Math.Min(count, buffer.Length));
            if (read == 0)
            {
                throw new EndOfStreamException("the stream became shorter while it was copied");
            }

            take(buffer.AsSpan(0, read));
            count -= read;
        }
    }

    private delegate void Taker(ReadOnlySpan<byte> bytes);
}
