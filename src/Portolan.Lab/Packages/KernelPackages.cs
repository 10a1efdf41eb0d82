using System.Collections.Immutable;
using Portolan.Kvm.Kernel;

namespace Portolan.Lab.Packages;

/// <summary>A kernel that the distribution serves whole: the packages that hold its image and its modules.</summary>
/// <param name="Name">The package that stands for it, <c>linux-image-6.1.0-56-cloud-amd64</c>.</param>
/// <param name="Release">The upstream release.</param>
/// <param name="Version">The package's version.</param>
/// <param name="Parts">The packages to unpack: one up to 6.18, several from 6.19 on.</param>
public sealed record KernelPackage(string Name, KernelRelease Release, DebianVersion Version, ImmutableArray<PackageRecord> Parts);

/// <summary>The cloud kernels of a package index, and which of them a request means.</summary>
public static class KernelPackages
{
    /// <summary>The word that means the newest kernel served.</summary>
    public const string Newest = "newest";

    private const string ImagePrefix = "linux-image-";
    private const string Flavour = "-cloud-amd64";
    private static readonly string[] PartPrefixes = [ImagePrefix, "linux-binary-", "linux-modules-"];

    /// <summary>The pattern, in the client's language, of the packages that an index must hold.</summary>
    public static string IndexPattern => "?name(\"^linux-(image|binary|modules)-[0-9].*" + Flavour + "$\")";

    /// <summary>Does the request name a package, rather than a release?</summary>
    public static bool IsPackageName(string request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.StartsWith(ImagePrefix, StringComparison.Ordinal);
    }

    /// <summary>Is the request <c>newest</c> or the beginning of a release, <c>6</c>, <c>6.1</c>, <c>6.1.192</c>?</summary>
    public static bool IsRelease(string request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request == Newest || (request.Split('.') is { Length: <= 3 } parts && parts.All(static part => part.Length is > 0 and <= 5 && part.All(char.IsAsciiDigit)));
    }

    /// <summary>Every kernel that is served with all of its parts, newest first.</summary>
    public static IEnumerable<KernelPackage> Whole(PackageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        return index.All
            .Where(static record => IsPackageName(record.Name))
            .Where(static record => !record.Depends.Any(static need => IsPackageName(need.Name))) // A metapackage only leads to another.
            .Select(record => Assemble(index, record, out _))
            .OfType<KernelPackage>()
            .OrderByDescending(static kernel => kernel.Release)
            .ThenByDescending(static kernel => kernel.Version)
            .ThenBy(static kernel => kernel.Name, StringComparer.Ordinal);
    }

    /// <summary>The kernel that a request means: a package by its name, else the newest whole one whose release begins so.</summary>
    public static Obtained<KernelPackage> Resolve(PackageIndex index, string request)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(request);
        if (IsPackageName(request))
        {
            if (index.Find(request) is not { } record)
            {
                return LabFault.Unavailable($"the distribution's suites serve no package {request}; {Served(index)}");
            }

            return Assemble(index, record, out string? missing) is { } kernel
                ? kernel
                : LabFault.Unavailable($"{request} is not served whole: its part {missing} is missing; {Served(index)}");
        }

        KernelPackage? newest = Whole(index).FirstOrDefault(kernel => request == Newest || $"{kernel.Version.Upstream}.".StartsWith(request + ".", StringComparison.Ordinal));
        return newest is null ? LabFault.Unavailable($"the distribution's suites serve no whole kernel {request}; {Served(index)}") : newest;
    }

    private static string Served(PackageIndex index)
    {
        string[] lines = [.. Whole(index).Select(static kernel => $"{kernel.Release.Major}.{kernel.Release.Minor}").Distinct()];
        return lines.Length == 0 ? "they serve no cloud kernel at all" : $"served are {string.Join(", ", lines)}";
    }

    /// <summary>The package with every part that it leads to; null, and the part's name, where one is not served.</summary>
    private static KernelPackage? Assemble(PackageIndex index, PackageRecord image, out string? missing)
    {
        List<PackageRecord> parts = [image];
        for (int i = 0; i < parts.Count; i++)
        {
            foreach (PackageDependency need in parts[i].Depends.Where(static need => IsPart(need.Name)))
            {
                if (index.Find(need.Name, need.Exactly) is not { } part)
                {
                    missing = need.Name;
                    return null;
                }

                if (!parts.Contains(part))
                {
                    parts.Add(part);
                }
            }
        }

        missing = KernelRelease.TryParse(image.Version.Upstream, out KernelRelease release) ? null : image.Name;
        return missing is null ? new KernelPackage(image.Name, release, image.Version, [.. parts]) : null;
    }

    private static bool IsPart(string name)
        => name.EndsWith(Flavour, StringComparison.Ordinal) && PartPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
}
