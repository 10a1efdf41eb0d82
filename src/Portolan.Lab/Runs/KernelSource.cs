using Portolan.Lab.Kernels;
using Portolan.Lab.Packages;

namespace Portolan.Lab.Runs;

/// <summary>Gets the kernels of a request, wherever they come from.</summary>
internal sealed class KernelSource
{
    private readonly LabRequest _request;
    private readonly PackageClient? _client;
    private PackageIndex? _index;

    public KernelSource(LabRequest request, ILabProgress progress)
    {
        _request = request;
        _client = request.Cache is null ? null : new PackageClient(request.Cache, request.Archive, progress.Say);
    }

    /// <summary>Must the distribution's client be asked for this kernel?</summary>
    public static bool NeedsClient(string kernel) => !Path.Exists(kernel) && (KernelPackages.IsPackageName(kernel) || KernelPackages.IsRelease(kernel));

    /// <summary>Unpacks a kernel into a folder, or opens the folder that was named.</summary>
    public Obtained<KernelTree> Get(string kernel, string folder, out string? package, CancellationToken cancel)
    {
        package = null;
        if (Directory.Exists(kernel))
        {
            return KernelTree.Open(kernel);
        }

        // The parts of a split kernel are given together.
        string[] files = kernel.Split(',');
        if (files.All(File.Exists))
        {
            return KernelTree.Unpack(files, folder, cancel);
        }

        if (!NeedsClient(kernel))
        {
            return LabFault.BadInput($"{kernel}: expected a kernel package's name, the beginning of a release, '{KernelPackages.Newest}', a package file or a folder, found none of these; see 'portolan lab run --help'");
        }

        Obtained<KernelPackage> chosen = Choose(kernel, cancel);
        if (!chosen.Ok)
        {
            return chosen.Fault;
        }

        package = chosen.Value.Name;
        Obtained<IReadOnlyList<string>> fetched = _client!.Fetch(chosen.Value.Parts, cancel);
        return fetched.Ok ? KernelTree.Unpack(fetched.Value, folder, cancel) : fetched.Fault;
    }

    private Obtained<KernelPackage> Choose(string kernel, CancellationToken cancel)
    {
        if (_client is null)
        {
            return LabFault.Unavailable("there is no folder to keep packages in: neither XDG_CACHE_HOME nor HOME is set");
        }

        if (_index is null)
        {
            Obtained<PackageIndex> index = _client.Index(_request.Refresh, cancel);
            if (!index.Ok)
            {
                return index.Fault;
            }

            _index = index.Value;
        }

        return KernelPackages.Resolve(_index, kernel);
    }
}
