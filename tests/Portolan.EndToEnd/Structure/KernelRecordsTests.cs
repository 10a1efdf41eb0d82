using Portolan.Conformance;
using Portolan.ContractPages;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Records;
using Portolan.EndToEnd.CommandLine;
using Portolan.Kvm.Snapshot;
using Repo = Portolan.Testing.Repository;
using SchemaCheck = Portolan.Testing.SchemaCheck;

namespace Portolan.EndToEnd.Structure;

/// <summary>The recorded results of real kernels (data/results): whole, explained, and what the pages are made from.</summary>
public sealed class KernelRecordsTests
{
    private static readonly Lazy<KernelRecord[]> Records = new(static () => [.. Directory.EnumerateFiles(Repo.At("data", "results"), "*.json").Order(StringComparer.Ordinal).Select(static file =>
    {
        Reading<KernelRecord> record = KernelRecordDocument.Read(file, File.ReadAllBytes(file));
        Assert.True(record.Ok, record.Fault?.ToString());
        return record.Value;
    })]);

    [Theory]
    [InlineData("amd", 4)]
    [InlineData("intel", 4)]
    [InlineData(null, 1)]
    public void Each_oracle_has_its_kernels_and_one_machine_is_live(string? oracle, int least)
        => Assert.True(Records.Value.Count(record => record.Oracle == oracle) >= least);

    [Fact]
    public void No_recorded_case_failed() => Assert.Empty(Records.Value.SelectMany(static record => record.Cases
        .Where(static one => one.Outcome == RecordedOutcome.Fail).Select(one => $"{record.Name}: {one.Id}: {one.Found}")));

    [Fact]
    public void Results_name_only_cases_that_exist()
    {
        string[] ids = [.. ConformanceSuite.Cases.Select(static one => one.Id)];
        Assert.Empty(Records.Value.SelectMany(record => record.Cases.Select(static one => one.Id).Except(ids).Select(id => $"{record.Name}: {id}: run the kernel again, docs/lab.md")));
    }

    [Fact]
    public void What_is_no_pass_says_why()
        => Assert.Empty(Records.Value.SelectMany(static record => record.Cases.Where(static one => one.Outcome != RecordedOutcome.Pass && string.IsNullOrEmpty(one.Reason)).Select(one => $"{record.Name}: {one.Id}")));

    [Fact]
    public void Every_record_has_its_hosts_snapshot()
        => Assert.All(Records.Value, static record =>
        {
            string file = Repo.At("data", "hosts", $"{record.Name}.json");
            Reading<HostSnapshot> host = HostSnapshotDocument.Read(file, File.ReadAllBytes(file));
            Assert.Equal((record.KernelRelease, record.KernelVersion, record.KvmModule), (host.Value!.KernelRelease?.Value, host.Value.KernelVersion?.Value, host.Value.KvmModule?.Value));
        });

    [Fact]
    public void Most_cases_are_decided_on_some_recorded_kernel()
    {
        HashSet<string> decided = [.. Records.Value.SelectMany(static record => record.Cases).Where(static one => one.Outcome is RecordedOutcome.Pass or RecordedOutcome.Deviation).Select(static one => one.Id)];
        HashSet<string> asked = [.. Records.Value.SelectMany(static record => record.Cases).Select(static one => one.Id)];
        Assert.True(asked.Count > 600 && decided.Count * 10 > asked.Count * 8, $"{decided.Count} of {asked.Count} recorded cases are decided somewhere");
    }

    [Fact]
    public void Records_keep_to_their_schema_and_are_written_as_they_were_read()
    {
        Assert.All(Records.Value, record =>
        {
            ReadOnlyMemory<byte> written = KernelRecordDocument.Write(record);
            Assert.Equal(File.ReadAllBytes(Repo.At("data", "results", $"{record.Name}.json")), written.ToArray());
            SchemaCheck.Kept("kernel-record-1", written.Span);
        });
    }

    [Fact]
    public void A_correction_is_proven_by_recorded_results()
    {
        string[][] rows = [.. File.ReadLines(Repo.At("data", "kvm", "corrections.tsv")).Where(static line => line.Length > 0 && line[0] != '#').Skip(1).Select(static line => line.Split('\t'))];
        Assert.NotEmpty(rows);
        foreach (string[] row in rows)
        {
            RecordedCase[] proof = [.. row[3].Split(',').SelectMany(name => Assert.Single(Records.Value, record => record.Name == name).Cases)];
            Assert.All(row[4].Split(','), one => Assert.Contains(proof, result => result.Outcome is RecordedOutcome.Pass or RecordedOutcome.Deviation
                && (one.EndsWith('*') ? result.Id.StartsWith(one[..^1], StringComparison.Ordinal) : result.Id == one)));
        }
    }

    [Fact]
    public void Another_result_makes_other_pages()
    {
        using TemporaryFolder folder = new();
        string results = Directory.CreateDirectory(Path.Combine(folder.Path, "data", "results")).FullName;
        string hosts = Directory.CreateDirectory(Path.Combine(folder.Path, "data", "hosts")).FullName;
        foreach (string host in Directory.EnumerateFiles(Repo.At("data", "hosts"), "*.json"))
        {
            File.Copy(host, Path.Combine(hosts, Path.GetFileName(host)));
        }

        string runs = Directory.CreateDirectory(Path.Combine(results, "differential")).FullName;
        foreach (string run in Directory.EnumerateFiles(Repo.At("data", "results", "differential"), "*.json"))
        {
            File.Copy(run, Path.Combine(runs, Path.GetFileName(run)));
        }

        string visible = Directory.CreateDirectory(Path.Combine(folder.Path, "data", "evmcs-visible")).FullName;
        foreach (string table in Directory.EnumerateFiles(Repo.At("data", "evmcs-visible"), "*.json"))
        {
            File.Copy(table, Path.Combine(visible, Path.GetFileName(table)));
        }

        foreach (KernelRecord record in Records.Value)
        {
            File.WriteAllBytes(Path.Combine(results, $"{record.Name}.json"), KernelRecordDocument.Write(record).ToArray());
        }

        IReadOnlyList<Page> same = Pages(folder.Path);
        Assert.All(same, static page => Assert.Equal(File.ReadAllText(Repo.At(page.Path)), page.Text));

        KernelRecord changed = Records.Value[0];
        RecordedCase spoilt = changed.Cases.First(static one => one.Id.StartsWith("xsave.set.supported/", StringComparison.Ordinal) && one.Outcome == RecordedOutcome.Pass);
        changed = changed with { Cases = changed.Cases.Replace(spoilt, spoilt with { Outcome = RecordedOutcome.Fail, Found = "ok" }) };
        File.WriteAllBytes(Path.Combine(results, $"{changed.Name}.json"), KernelRecordDocument.Write(changed).ToArray());

        string[] other = [.. Pages(folder.Path).Zip(same).Where(static pair => pair.First.Text != pair.Second.Text).Select(static pair => Path.GetFileName(pair.First.Path))];
        Assert.Contains("kernels.md", other);
        Assert.Contains("xsave.md", other);
    }

    private static IReadOnlyList<Page> Pages(string root)
    {
        Reading<IReadOnlyList<Page>> pages = AllPages.Write(root);
        Assert.True(pages.Ok, pages.Fault?.ToString());
        return pages.Value;
    }
}
