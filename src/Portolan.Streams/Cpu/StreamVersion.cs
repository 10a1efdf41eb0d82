using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Cpu;

/// <summary>A release of QEMU, as <c>7.2</c>.</summary>
/// <param name="Major">The first number.</param>
/// <param name="Minor">The second number.</param>
public readonly record struct QemuRelease(int Major, int Minor) : IComparable<QemuRelease>
{
    /// <inheritdoc/>
    public int CompareTo(QemuRelease other) => (Major, Minor).CompareTo((other.Major, other.Minor));

    /// <summary>Is the left one older?</summary>
    public static bool operator <(QemuRelease left, QemuRelease right) => left.CompareTo(right) < 0;

    /// <summary>Is the left one newer?</summary>
    public static bool operator >(QemuRelease left, QemuRelease right) => left.CompareTo(right) > 0;

    /// <summary>Is the left one no newer?</summary>
    public static bool operator <=(QemuRelease left, QemuRelease right) => left.CompareTo(right) <= 0;

    /// <summary>Is the left one no older?</summary>
    public static bool operator >=(QemuRelease left, QemuRelease right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}");
}

/// <summary>
/// Which QEMU can have written a stream. A stream does not name its QEMU; the machine type and the subsections say how old it is at least.
/// </summary>
public static partial class StreamVersion
{
    /// <summary>The oldest QEMU that can have written it, and by what that is known; null where nothing tells.</summary>
    public static (QemuRelease Release, string By)? AtLeast(MigrationStream stream, IEnumerable<StreamVcpu> vcpus)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(vcpus);
        List<(QemuRelease Release, string By)> known = [];
        if (stream.Configuration is { } configuration && Release(configuration.MachineType) is { } machine)
        {
            known.Add((machine, $"machine type {configuration.MachineType}"));
        }

        foreach (string name in vcpus.SelectMany(static vcpu => vcpu.Cpu.Root.Subsections).Select(static subsection => subsection.Name).Distinct())
        {
            if (CpuVmstates.All.FirstOrDefault(row => row.Name == name)?.Since is { } since && Release(since) is { } release)
            {
                known.Add((release, $"subsection {name}"));
            }
        }

        return known.Count == 0 ? null : known.MaxBy(static one => one.Release);
    }

    private static QemuRelease? Release(string text)
    {
        Match match = Numbers().Match(text);
        return match.Success
            && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            && int.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int minor)
                ? new QemuRelease(major, minor)
                : null;
    }

    [GeneratedRegex(@"(?:^|-)(\d+)\.(\d+)(?:\.\d+)?$")]
    private static partial Regex Numbers();
}
