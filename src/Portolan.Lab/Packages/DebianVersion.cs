using System.Globalization;

namespace Portolan.Lab.Packages;

/// <summary>
/// A package's version, <c>[epoch:]upstream[-revision]</c>, in the order of Debian Policy 5.6.12: <c>~</c> sorts before the end of a part,
/// letters before other characters, runs of digits by value.
/// </summary>
public readonly record struct DebianVersion(string Text) : IComparable<DebianVersion>
{
    /// <summary>The upstream part, without epoch and revision: <c>6.1.192</c> of <c>6.1.192-2</c>.</summary>
    public string Upstream => Split().Upstream;

    /// <inheritdoc/>
    public int CompareTo(DebianVersion other)
    {
        (int epoch, string upstream, string revision) = Split();
        (int otherEpoch, string otherUpstream, string otherRevision) = other.Split();
        int order = epoch.CompareTo(otherEpoch);
        order = order != 0 ? order : ComparePart(upstream, otherUpstream);
        return order != 0 ? order : ComparePart(revision, otherRevision);
    }

    /// <summary>Earlier.</summary>
    public static bool operator <(DebianVersion left, DebianVersion right) => left.CompareTo(right) < 0;

    /// <summary>Later.</summary>
    public static bool operator >(DebianVersion left, DebianVersion right) => left.CompareTo(right) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(DebianVersion left, DebianVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(DebianVersion left, DebianVersion right) => left.CompareTo(right) >= 0;

    /// <summary>The version as written.</summary>
    public override string ToString() => Text;

    private (int Epoch, string Upstream, string Revision) Split()
    {
        string text = Text ?? "";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        _ = int.TryParse(text.AsSpan(0, Math.Max(colon, 0)), NumberStyles.None, CultureInfo.InvariantCulture, out int epoch);
        string rest = text[(colon + 1)..];
        int dash = rest.LastIndexOf('-');
        return dash < 0 ? (epoch, rest, "") : (epoch, rest[..dash], rest[(dash + 1)..]);
    }

    private static int ComparePart(string left, string right)
    {
        int l = 0, r = 0;
        while (l < left.Length || r < right.Length)
        {
            while ((l < left.Length && !char.IsAsciiDigit(left[l])) || (r < right.Length && !char.IsAsciiDigit(right[r])))
            {
                int order = Weight(left, l).CompareTo(Weight(right, r));
                if (order != 0)
                {
                    return order;
                }

                l++;
                r++;
            }

            ReadOnlySpan<char> a = Digits(left, ref l), b = Digits(right, ref r);
            int numbers = a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);
            if (numbers != 0)
            {
                return numbers;
            }
        }

        return 0;
    }

    /// <summary>The end and a digit weigh 0, a tilde less, a letter its code, anything else more than every letter.</summary>
    private static int Weight(string text, int at) => at >= text.Length || char.IsAsciiDigit(text[at]) ? 0
        : text[at] == '~' ? -1
        : char.IsAsciiLetter(text[at]) ? text[at]
        : text[at] + 256;

    /// <summary>A run of digits without its leading zeros.</summary>
    private static ReadOnlySpan<char> Digits(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return text.AsSpan(start, at - start).TrimStart('0');
    }
}
