using System.Text;

namespace Portolan.Lab.Packages;

/// <summary>Where packages come from: the archive that this machine already uses, and the suites of it that carry kernels.</summary>
/// <param name="Archive">The archive's address.</param>
/// <param name="SecurityArchive">The address of the archive of security updates; null where this machine uses none.</param>
public sealed record PackageSources(string Archive, string? SecurityArchive)
{
    private const string Security = "-security";
    private const string ArchiveKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";

    /// <summary>The suites that are asked, of both archives where they have them.</summary>
    public static IReadOnlyList<string> Suites { get; } = ["bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports"];

    private static readonly string[] SecuritySuites = ["bullseye-security", "bookworm-security", "trixie-security"];

    /// <summary>What <c>apt-get indextargets --format</c> is asked for.</summary>
    public static string TargetFormat => "$(REPO_URI) $(RELEASE)";

    /// <summary>
    /// Finds the archives in what the client says of this machine's own sources: lines of an address and a suite. Null where none of
    /// them carries a suite of the distribution.
    /// </summary>
    public static PackageSources? FromTargets(string targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        string? archive = null, security = null;
        foreach (string[] words in targets.Split('\n').Select(static line => line.Trim().Split(' ')).Where(static words => words.Length == 2))
        {
            if (words[1].EndsWith(Security, StringComparison.Ordinal))
            {
                security ??= SecuritySuites.Contains(words[1]) || IsStable(words[1]) ? words[0] : null;
            }
            else
            {
                archive ??= Suites.Contains(words[1]) || Suites.Contains(words[1].Split('-')[0]) || IsStable(words[1]) ? words[0] : null;
            }
        }

        return archive is null ? null : new PackageSources(archive, security);
    }

    /// <summary>A sources list of every suite, signed by the distribution's keys where this machine has them in a file of their own.</summary>
    public string ToSourcesList()
    {
        string option = File.Exists(ArchiveKeys) ? $"[signed-by={ArchiveKeys}] " : "";
        StringBuilder list = new();
        foreach (string suite in Suites)
        {
            list.Append("deb ").Append(option).Append(Archive).Append(' ').Append(suite).Append(" main\n");
        }

        foreach (string suite in SecurityArchive is null ? [] : SecuritySuites)
        {
            list.Append("deb ").Append(option).Append(SecurityArchive).Append(' ').Append(suite).Append(" main\n");
        }

        return list.ToString();
    }

    /// <summary>A source may name a suite by its role.</summary>
    private static bool IsStable(string suite) => suite.StartsWith("stable", StringComparison.Ordinal) || suite.StartsWith("oldstable", StringComparison.Ordinal);
}
