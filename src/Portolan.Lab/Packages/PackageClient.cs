using System.Text;
using Portolan.Documents;

namespace Portolan.Lab.Packages;

/// <summary>
/// The distribution's own client, <c>apt</c>, with lists, cache and configuration of our own: it checks signatures and hashes, needs no
/// privilege and leaves the system's package state alone.
/// </summary>
public sealed class PackageClient
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromHours(24);
    private static readonly TimeSpan QueryLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan DownloadLimit = TimeSpan.FromMinutes(15);

    private readonly string _folder;
    private readonly string? _archive;
    private readonly Action<string> _say;

    /// <summary>A client with its files in a folder.</summary>
    /// <param name="folder">A folder of our own; it is made when it is needed.</param>
    /// <param name="archive">The archive's address; null for the one that this machine uses.</param>
    /// <param name="say">Is told what takes a while.</param>
    public PackageClient(string folder, string? archive, Action<string> say)
    {
        _folder = Path.GetFullPath(folder);
        _archive = archive;
        _say = say;
    }

    private string Configuration => Path.Combine(_folder, "apt.conf");

    private string Stamp => Path.Combine(_folder, "updated");

    private string Archives => Path.Combine(_folder, "packages");

    /// <summary>The kernels' index; fetched again where it is older than a day, or when that is asked.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Obtained<PackageIndex> Index(bool refresh, CancellationToken cancel)
        => Index([KernelPackages.IndexPattern], "cloud kernel", refresh, cancel);

    /// <summary>Every version of some packages in all suites; the lists are fetched again where they are older than a day.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Obtained<PackageIndex> Versions(IReadOnlyList<string> names, CancellationToken cancel) => Index(names, string.Join(" and ", names), false, cancel);

    private Obtained<PackageIndex> Index(IReadOnlyList<string> patterns, string what, bool refresh, CancellationToken cancel)
    {
        if (Prepare(cancel) is { } fault)
        {
            return fault;
        }

        using FileStream? held = Hold(cancel);
        if ((refresh || !File.Exists(Stamp) || DateTime.UtcNow - File.GetLastWriteTimeUtc(Stamp) > FreshFor) && Update(cancel) is { } stale)
        {
            return stale;
        }

        ChildAnswer shown = ChildProcess.Run(_folder, QueryLimit, cancel, ["apt-cache", "-c", Configuration, "show", .. patterns]);
        if (!shown.Ok)
        {
            return LabFault.Unavailable($"the distribution's suites serve no {what}: {shown.LastError}");
        }

        Reading<PackageIndex> index = PackageIndex.Parse("apt-cache show", Encoding.UTF8.GetString(shown.Output));
        return index.Ok ? index.Value : LabFault.BadInput(index.Fault.ToString());
    }

    /// <summary>The files of packages, in the order given; those not yet in the cache are downloaded.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Obtained<IReadOnlyList<string>> Fetch(IReadOnlyList<PackageRecord> packages, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(packages);
        using FileStream? held = Hold(cancel);
        string[] missing = [.. packages.Where(package => CachedFile(package) is null).Select(static package => package.ToString())];
        if (missing.Length > 0)
        {
            _say($"fetching {string.Join(", ", missing)}");
            Directory.CreateDirectory(Archives);
            ChildAnswer fetched = ChildProcess.Run(Archives, DownloadLimit, cancel, ["apt-get", "-c", Configuration, "-q", "download", .. missing]);
            if (!fetched.Ok)
            {
                return LabFault.Unavailable($"the package client could not fetch {missing[0]}: {fetched.LastError}");
            }
        }

        List<string> files = [];
        foreach (PackageRecord package in packages)
        {
            if (CachedFile(package) is not { } file)
            {
                return LabFault.Unavailable($"the file of {package} does not have the SHA-256 that the index says; try again with --refresh");
            }

            files.Add(file);
        }

        return files;
    }

    private LabFault? Prepare(CancellationToken cancel)
    {
        PackageSources? sources = _archive is null ? null : new PackageSources(_archive, null);
        if (sources is null)
        {
            ChildAnswer targets = ChildProcess.Run("/", QueryLimit, cancel, "apt-get", "indextargets", "--format", PackageSources.TargetFormat);
            sources = PackageSources.FromTargets(Encoding.UTF8.GetString(targets.Output));
            if (sources is null)
            {
                return LabFault.Unavailable("this machine's package sources name none of the distribution's suites; name an archive with --archive, or give --kernel package files");
            }
        }

        try
        {
            Directory.CreateDirectory(Path.Combine(_folder, "state", "lists", "partial"));
            Directory.CreateDirectory(Path.Combine(_folder, "cache", "archives", "partial"));
            WriteIfOther(Path.Combine(_folder, "status"), "");
            WriteIfOther(Configuration, ConfigurationText());
            if (WriteIfOther(Path.Combine(_folder, "sources.list"), sources.ToSourcesList()))
            {
                File.Delete(Stamp);
            }
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return LabFault.Unavailable($"the cache {_folder} cannot be written: {refused.Message}");
        }

        return null;
    }

    private LabFault? Update(CancellationToken cancel)
    {
        _say("fetching the package lists");
        ChildAnswer updated = ChildProcess.Run(_folder, DownloadLimit, cancel, "apt-get", "-c", Configuration, "-q", "update");
        bool any = Directory.EnumerateFiles(Path.Combine(_folder, "state", "lists"), "*_Packages*").Any();
        if (!updated.Ok && !any)
        {
            return LabFault.Unavailable($"the package client could not fetch the lists: {updated.LastError}");
        }

        if (!updated.Ok) // One suite may be gone; the others still serve.
        {
            _say($"some package lists could not be fetched: {updated.LastError}");
        }

        File.WriteAllText(Stamp, "");
        return null;
    }

    private string? CachedFile(PackageRecord package)
    {
        string file = Path.Combine(Archives, package.FileName);
        if (!File.Exists(file))
        {
            // The client writes an epoch's colon as %3a where the archive leaves the epoch out.
            string pattern = $"{package.Name}_{package.Version.Text.Replace(":", "%3a", StringComparison.Ordinal)}_*.deb";
            file = Directory.Exists(Archives) ? Directory.EnumerateFiles(Archives, pattern).FirstOrDefault() ?? file : file;
        }

        if (!File.Exists(file))
        {
            return null;
        }

        using FileStream stream = File.OpenRead(file);
        return Sha256.HexOf(stream) == package.Sha256 ? file : null;
    }

    /// <summary>Keeps a second lab run of the same user waiting while the client works.</summary>
    private FileStream? Hold(CancellationToken cancel)
    {
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(Path.Combine(_folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Directory.Exists(_folder))
            {
                Thread.Sleep(200);
            }
        }
    }

    /// <summary>The hooks of the machine's configuration would write to the system's cache, so they are cleared.</summary>
    private string ConfigurationText() => $"""
        #clear APT::Update::Pre-Invoke;
        #clear APT::Update::Post-Invoke;
        #clear APT::Update::Post-Invoke-Success;
        #clear DPkg::Post-Invoke;
        #clear Acquire::IndexTargets::deb::DEP-11;
        Dir::Etc::SourceList "{_folder}/sources.list";
        Dir::Etc::SourceParts "/dev/null";
        Dir::Etc::Preferences "/dev/null";
        Dir::Etc::PreferencesParts "/dev/null";
        Dir::State "{_folder}/state";
        Dir::State::status "{_folder}/status";
        Dir::Cache "{_folder}/cache";
        Dir::Cache::pkgcache "pkgcache.bin";
        Dir::Cache::srcpkgcache "";
        Acquire::Languages "none";
        Acquire::PDiffs "false";
        APT::Architecture "amd64";
        APT::Architectures "amd64";
        APT::Sandbox::User "";

        """;

    private static bool WriteIfOther(string path, string text)
    {
        if (File.Exists(path) && File.ReadAllText(path) == text)
        {
            return false;
        }

        File.WriteAllText(path, text);
        return true;
    }
}
