using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using Portolan.Documents;
using Portolan.Kvm.Kernel;

namespace Portolan.Lab.Kernels;

/// <summary>What a bzImage says of itself in the header of the x86 boot protocol.</summary>
/// <param name="Banner">Its version line: <c>6.1.0-56-cloud-amd64 (…) #1 SMP … Debian 6.1.192-2 (…)</c>.</param>
/// <param name="PackageRelease">The first word: what <c>uname -r</c> says.</param>
/// <param name="Upstream">The upstream release.</param>
public sealed partial record BootHeader(string Banner, string PackageRelease, KernelRelease Upstream)
{
    private const int MarkAt = 0x202, VersionAt = 0x20e, ImageStart = 0x200, LongestBanner = 512;

    /// <summary>Reads the header of a kernel image.</summary>
    public static Reading<BootHeader> Read(string file, ReadOnlySpan<byte> image)
    {
        if (image.Length < VersionAt + 2 || !image[MarkAt..].StartsWith("HdrS"u8))
        {
            return Refused(file, "the mark HdrS of a bzImage", "none", MarkAt);
        }

        int at = BinaryPrimitives.ReadUInt16LittleEndian(image[VersionAt..]) + ImageStart;
        ReadOnlySpan<byte> rest = at < image.Length ? image[at..Math.Min(image.Length, at + LongestBanner)] : [];
        int end = rest.IndexOf((byte)0);
        string banner = end <= 0 ? "" : Encoding.ASCII.GetString(rest[..end]);
        string release = banner.Split(' ')[0];
        return DebianRelease().Match(banner) is { Success: true } debian && KernelRelease.TryParse(debian.Groups[1].Value, out KernelRelease upstream)
            || KernelRelease.TryParse(release, out upstream)
            ? Reading.Of(new BootHeader(banner, release, upstream))
            : Refused(file, "a version line that begins with a release", banner.Length == 0 ? "none" : Printable.Quote(banner), at);
    }

    private static Reading<BootHeader> Refused(string file, string expected, string found, long offset)
        => Reading.Refused<BootHeader>(new InputFault(file, expected, found, "give a kernel image for x86-64") { ByteOffset = offset });

    [GeneratedRegex(@"Debian (\d{1,3}\.\d{1,3}\.\d{1,5})-")]
    private static partial Regex DebianRelease();
}
