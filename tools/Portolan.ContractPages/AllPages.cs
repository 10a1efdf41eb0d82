using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;

namespace Portolan.ContractPages;

/// <summary>Every page that is made.</summary>
public static class AllPages
{
    /// <summary>The folder of the pages.</summary>
    public const string Folder = "docs/contract/";

    /// <summary>Writes the pages, or says which recorded file cannot be read.</summary>
    /// <param name="root">The repository's folder.</param>
    public static Reading<IReadOnlyList<Page>> Write(string root)
    {
        List<HostSnapshot> hosts = [];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "data", "hosts"), "*.json").Order(StringComparer.Ordinal))
        {
            Reading<HostSnapshot> host = HostSnapshotDocument.Read(file, File.ReadAllBytes(file));
            if (!host.Ok)
            {
                return Reading.Refused<IReadOnlyList<Page>>(host.Fault);
            }

            hosts.Add(host.Value with { Name = Path.GetFileNameWithoutExtension(file) });
        }

        Reading<Page> visible = EvmcsVisiblePage.Write(root);
        if (!visible.Ok)
        {
            return Reading.Refused<IReadOnlyList<Page>>(visible.Fault);
        }

        Reading<Page> differential = DifferentialPage.Write(root);
        if (!differential.Ok)
        {
            return Reading.Refused<IReadOnlyList<Page>>(differential.Fault);
        }

        Reading<RecordedKernels> kernels = RecordedKernels.Read(Path.Combine(root, "data", "results"));
        return !kernels.Ok
            ? Reading.Refused<IReadOnlyList<Page>>(kernels.Fault)
            : Reading.Of<IReadOnlyList<Page>>(
            [
                .. ClausePages.Write(kernels.Value),
                EvmcsFilterPage.Write(),
                visible.Value,
                KernelsPage.Write(kernels.Value),
                differential.Value,
                BehavioursPage.Write(),
                HistoryPage.Write(hosts, kernels.Value),
                UndecidedPage.Write(),
            ]);
    }
}
