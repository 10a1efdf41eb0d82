namespace Portolan.Streams.Tests;

/// <summary>
/// Mutates recorded streams the way disks, transfers and editors do, the bytes that mean something more often than others.
/// </summary>
internal static class MutatedStreams
{
    /// <summary>One mutation; the same seed gives the same stream.</summary>
    public static byte[] Mutate(byte[] original, int seed)
    {
        Random random = new(seed);
        List<byte> bytes = [.. original];
        int edits = random.Next(1, 5);
        for (int i = 0; i < edits && bytes.Count > 0; i++)
        {
            int at = random.Next(3) == 0 ? random.Next(Math.Min(bytes.Count, 512)) : random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 64)));
                    break;
                case 3:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)0xff, random.Next(1, 16)));
                    break;
                case 4:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, Math.Min(bytes.Count - at, random.Next(1, 400))));
                    break;
                case 5:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    bytes[at] = (byte)random.Next(9);
                    break;
            }
        }

        return [.. bytes];
    }
}
