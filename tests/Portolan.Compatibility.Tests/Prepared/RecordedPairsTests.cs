using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Formats.Firecracker;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;

namespace Portolan.Compatibility.Tests.Prepared;

/// <summary>Every guest of every recorded host on every recorded host.</summary>
public sealed class RecordedPairsTests
{
    private static readonly GuestRequest[] Requests =
    [
        new() { Name = "all", TscKhz = 2_000_000 },
        new() { Name = "plain", Without = ["vmx", "svm"] },
        new() { Name = "less", Without = ["vmx", "svm", "pku", "avx512f"] },
        new() { Name = "hyperv", Hyperv = true },
        new() { Name = "evmcs", EnlightenedVmcs = true },
        new() { Name = "machine", MachineType = "pc-q35-7.2", Permission = new(1UL << 18) },
    ];

    [Fact]
    public void The_prepared_form_gives_the_clauses_verdict_on_shipped_pairs()
        => Assert.True(Compare([.. BaseHosts.Shipped, .. BaseHosts.Shipped.Select(Predictor.Complete)]) > 1000);

    [Fact]
    public void The_prepared_form_gives_the_clauses_verdict_on_recorded_fingerprints()
    {
        HostSnapshot[] recorded = [.. Directory.EnumerateFiles(Repository.SharedData("firecracker-fingerprints"), "*.json").Order(StringComparer.Ordinal).Select(Read)];
        Assert.True(Compare([.. recorded, .. recorded.Select(Predictor.Complete)]) > 500);
    }

    private static HostSnapshot Read(string file)
        => FingerprintImport.Read(new(file, File.ReadAllBytes(file))).Value!.Snapshot with { Name = Path.GetFileNameWithoutExtension(file) };

    private static int Compare(IReadOnlyList<HostSnapshot> snapshots)
    {
        JudgedHost[] hosts = [.. snapshots.Select(static snapshot => new JudgedHost(snapshot.Name ?? "host", snapshot))];
        PreparedHost[] packed = [.. hosts.Select(static host => new PreparedHost(host))];
        int[] verdicts = new int[Enum.GetValues<Verdict>().Length];
        int slow = 0;
        int plainSlow = 0;
        foreach (JudgedHost source in hosts)
        {
            foreach (GuestRequest request in Requests)
            {
                if (GuestDefinition.From(source.Snapshot, request).Contract is not { } contract)
                {
                    continue;
                }

                PreparedGuest guest = new(contract, source);
                foreach (PreparedHost host in packed)
                {
                    Verdict expected = ClauseJudge.Judge(new RouteQuestion { Guest = contract, Hosts = [source, host.Host] }).Verdict;
                    Verdict found = PreparedVerdict.Judge(guest, host);
                    Assert.True(expected == found, $"{request.Name} guest of {source.Name} on {host.Host.Name}: prepared {found}, clauses {expected}");
                    verdicts[(int)found]++;
                    bool byClauses = PreparedVerdict.NeedsClauses(guest, host);
                    slow += byClauses ? 1 : 0;
                    plainSlow += byClauses && request.Name is "plain" or "less" ? 1 : 0;
                }
            }
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{verdicts.Sum()} pairs: {string.Join(", ", Enum.GetValues<Verdict>().Select(verdict => $"{verdict} {verdicts[(int)verdict]}"))}; by the clauses themselves {slow}, of guests without nested virtualisation {plainSlow}");
        return verdicts.Sum();
    }
}
