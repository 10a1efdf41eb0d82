namespace Portolan.Formats.Tests;

/// <summary>Mutates real files the way transfers, editors and bad disks do; the same seed gives the same file.</summary>
internal static class Mutation
{
    private static readonly string[] Tokens =
        ["0x", "\"", "{", "}", "[", "]", ",", ":", "eax=", "CPU 0:", "\\ud800", "\u00e9", "1e999", "null", "-1", "0b", "x", "\r\n", "\0", "99999999999999999999"];

    public static byte[] Of(byte[] original, int seed)
    {
        Random random = new(seed);
        List<byte> bytes = [.. original];
        int edits = random.Next(1, 5);
        for (int i = 0; i < edits && bytes.Count > 0; i++)
        {
            int at = random.Next(bytes.Count);
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
                    bytes.InsertRange(at, System.Text.Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)]));
                    break;
                case 4:
                    int length = Math.Min(bytes.Count - at, random.Next(1, 400));
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                    break;
                case 5:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    bytes[at] = (byte)random.Next('0', ':');
                    break;
            }
        }

        return [.. bytes];
    }
}
