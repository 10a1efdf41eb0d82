using System.Collections.Immutable;

namespace Portolan.Lab.Packages;

/// <summary>One version of a package as the distribution's index describes it.</summary>
/// <param name="Name">The package's name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Depends">What it depends on, the first choice of each alternative.</param>
/// <param name="FileName">The file's name in the archive, without its folder.</param>
/// <param name="Sha256">The file's SHA-256, 64 lower-case hexadecimal digits.</param>
public sealed record PackageRecord(string Name, DebianVersion Version, ImmutableArray<PackageDependency> Depends, string FileName, string Sha256)
{
    /// <summary><c>name=version</c>, as the client takes it.</summary>
    public override string ToString() => $"{Name}={Version}";
}

/// <summary>A dependency on another package.</summary>
/// <param name="Name">The other package's name.</param>
/// <param name="Exactly">The one version that will do; null where the relation is another or none.</param>
public sealed record PackageDependency(string Name, DebianVersion? Exactly);
