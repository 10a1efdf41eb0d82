using System.Text;

namespace Portolan.Fuzz;

/// <summary>Mutates files the way transfers, editors, bad disks and attackers do; the same number gives the same input.</summary>
internal static class Mutation
{
    private const int MostEdits = 5;
    private const int LongestCut = 64;
    private const int LongestCopy = 400;
    private const int Repeats = 200;

    private static readonly byte[][] Tokens =
    [
        .. ((string[])
        [
            "0x", "\"", "{", "}", "[", "]", ",", ":", "=", "<", ">", "</", "/>", "<a>", "&lt;", "&#0;", "&x;", "<!DOCTYPE a [<!ENTITY x 'y'>]>", "<!--", "-->", "<![CDATA[",
            "'", "eax=", "CPU 0:", "CPUID ", "MSR ", "[SL ", "------[ Logical CPU #", "processor\t: ", "flags\t: ", "\\ud800", "\u00e9", "\uFEFF", "1e999", "null", "true", "-1", "0b", "x",
            "\r\n", "\n\n", "\0", "4294967296", "99999999999999999999", "18446744073709551615", "+", "-", "on", "off", "\t", "0x8000000000000000",
        ]).Select(Encoding.UTF8.GetBytes),
    ];

    /// <summary>The input of a number: one of the seeds, edited a few times, at times with a piece of another.</summary>
    public static byte[] Of(IReadOnlyList<byte[]> seeds, ulong number)
    {
        Random random = new(unchecked((int)(number ^ (number >> 32))));
        List<byte> bytes = [.. seeds[random.Next(seeds.Count)]];
        int edits = random.Next(1, random.Next(2, MostEdits));
        for (int i = 0; i < edits && bytes.Count > 0; i++)
        {
            Edit(bytes, seeds, random);
        }

        return [.. bytes];
    }

    private static void Edit(List<byte> bytes, IReadOnlyList<byte[]> seeds, Random random)
    {
        int at = random.Next(bytes.Count);
        int rest = bytes.Count - at;
        switch (random.Next(11))
        {
            case 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, rest);
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(rest, random.Next(1, LongestCut)));
                break;
            case 3:
                bytes.InsertRange(at, Tokens[random.Next(Tokens.Length)]);
                break;
            case 4:
                bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, Math.Min(rest, random.Next(1, LongestCopy))));
                break;
            case 5:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 6:
                bytes[at] = (byte)random.Next('0', ':');
                break;
            case 7:
                byte[] other = seeds[random.Next(seeds.Count)];
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, random.Next(1, LongestCopy))).ToArray());
                break;
            case 8:
                byte[] token = Tokens[random.Next(Tokens.Length)];
                bytes.InsertRange(at, Enumerable.Repeat(token, random.Next(2, Repeats)).SelectMany(static one => one));
                break;
            case 9:
                int length = Math.Min(rest, Tokens[random.Next(Tokens.Length)].Length);
                bytes.RemoveRange(at, length);
                bytes.InsertRange(at, Tokens[random.Next(Tokens.Length)]);
                break;
            default:
                bytes[at] = (byte)"0123456789abcdefABCDEF"[random.Next(22)];
                break;
        }
    }
}
