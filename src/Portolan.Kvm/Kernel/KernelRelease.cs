using System.Globalization;
using System.Text.RegularExpressions;

namespace Portolan.Kvm.Kernel;

/// <summary>An upstream kernel release: <c>6.1.192</c>. A release without a third number is its first, <c>.0</c>.</summary>
public readonly partial record struct KernelRelease(int Major, int Minor, int Patch = 0) : IComparable<KernelRelease>
{
    /// <summary>The stable line, <c>6.1</c>.</summary>
    public (int Major, int Minor) Line => (Major, Minor);

    /// <summary>
    /// Reads a release: <c>6.1</c>, <c>6.1.192</c>, or what <c>uname -r</c> says. Debian numbers its packages otherwise than upstream;
    /// there the upstream release stands in <c>uname -v</c>, which is then asked first.
    /// </summary>
    public static bool TryParse(string? release, string? version, out KernelRelease parsed)
    {
        if (version is not null && DebianVersion().Match(version) is { Success: true } debian && TryRead(debian.Groups[1].Value, out parsed))
        {
            return true;
        }

        return TryRead(release, out parsed);
    }

    /// <summary>Reads a release as a person writes it or as <c>uname -r</c> says it.</summary>
    public static bool TryParse(string? release, out KernelRelease parsed) => TryRead(release, out parsed);

    /// <inheritdoc/>
    public int CompareTo(KernelRelease other)
        => Major != other.Major ? Major.CompareTo(other.Major) : Minor != other.Minor ? Minor.CompareTo(other.Minor) : Patch.CompareTo(other.Patch);

    /// <summary>Earlier.</summary>
    public static bool operator <(KernelRelease left, KernelRelease right) => left.CompareTo(right) < 0;

    /// <summary>Later.</summary>
    public static bool operator >(KernelRelease left, KernelRelease right) => left.CompareTo(right) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(KernelRelease left, KernelRelease right) => left.CompareTo(right) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(KernelRelease left, KernelRelease right) => left.CompareTo(right) >= 0;

    /// <summary>The release with all three numbers.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Patch}");

    private static bool TryRead(string? text, out KernelRelease parsed)
    {
        parsed = default;
        if (text is null || Numbers().Match(text) is not { Success: true } match)
        {
            return false;
        }

        parsed = new KernelRelease(Number(match.Groups[1]), Number(match.Groups[2]), match.Groups[3].Success ? Number(match.Groups[3]) : 0);
        return true;
    }

    private static int Number(Group group) => int.Parse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?(?![\d.])")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"Debian (\d{1,3}\.\d{1,3}\.\d{1,5})-")]
    private static partial Regex DebianVersion();
}

/// <summary>Releases from one, included, until another, excluded. A null end is open.</summary>
public sealed record KernelSpan(KernelRelease? From, KernelRelease? Until)
{
    /// <summary>Is the release in the span?</summary>
    public bool Contains(KernelRelease release) => (From is not { } from || release >= from) && (Until is not { } until || release < until);

    /// <summary><c>from..until</c>.</summary>
    public override string ToString() => $"{From}..{Until}";
}
