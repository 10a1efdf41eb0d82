using System.Buffers.Binary;

namespace Portolan.Streams.Fields;

/// <summary>
/// Finds the description from the end of a file: the byte 6, a length that reaches exactly to the end (or to the zeros that fill the last
/// block), and the brace of the JSON. The text itself can hold no byte 6, so the last one is the right one.
/// </summary>
internal static class DescriptionLocator
{
    private const byte DescriptionByte = 6;
    private const int HeadLength = 5;
    private const int Step = 1 << 16;

    /// <summary>The description's JSON and its offset, or null. The input's position is kept.</summary>
    public static (ReadOnlyMemory<byte> Json, long Offset)? Find(Stream input, long start)
    {
        long position = input.Position;
        try
        {
            for (int tail = Step; ; tail *= 4)
            {
                int length = (int)Math.Min(Math.Min(tail, input.Length - start), VmDescriptionReader.LargestJson + HeadLength + Step);
                if (length <= HeadLength)
                {
                    return null;
                }

                byte[] bytes = new byte[length];
                input.Position = input.Length - length;
                input.ReadExactly(bytes);
                if (In(bytes) is { } at)
                {
                    int json = (int)BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 1));
                    return (bytes.AsMemory(at + HeadLength, json), input.Length - length + at + HeadLength - start);
                }

                if (length < tail)
                {
                    return null;
                }
            }
        }
        catch (IOException)
        {
            return null;
        }
        finally
        {
            input.Position = position;
        }
    }

    private static int? In(ReadOnlySpan<byte> tail)
    {
        int end = tail.LastIndexOfAnyExcept((byte)0) + 1;

        // The length after the byte may hold the same byte: what is looked for is at most a head before the last one.
        int last = tail[..end].LastIndexOf(DescriptionByte);
        for (int at = last; at >= 0 && at > last - HeadLength; at--)
        {
            if (tail[at] == DescriptionByte
                && end - at > HeadLength
                && BinaryPrimitives.ReadUInt32BigEndian(tail[(at + 1)..]) == (uint)(end - at - HeadLength)
                && tail[at + HeadLength] == (byte)'{')
            {
                return at;
            }
        }

        return null;
    }
}
