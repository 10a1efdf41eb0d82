using System.Globalization;
using Portolan.Conformance;
using Portolan.Documents;
using Portolan.Documents.Records;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Kernel;

namespace Portolan.ContractPages;

/// <summary>The kernels on which the contract's cases were run (data/results), and how each stands to a clause.</summary>
internal sealed class RecordedKernels
{
    private readonly ILookup<string, ConformanceCase> _casesOf = ConformanceSuite.Cases.SelectMany(static one => one.Decides.Select(id => (id, one))).ToLookup(static pair => pair.id, static pair => pair.one, StringComparer.Ordinal);
    private readonly Dictionary<KernelRecord, Dictionary<string, RecordedCase>> _results;

    public RecordedKernels(IEnumerable<KernelRecord> records)
    {
        All = [.. records.OrderBy(static record => Line(record), StringComparer.Ordinal).ThenBy(static record => Release(record))];
        _results = All.ToDictionary(static record => record, static record => record.Cases.ToDictionary(static one => one.Id, StringComparer.Ordinal));
    }

    /// <summary>The kernels: by CPU, then by release.</summary>
    public IReadOnlyList<KernelRecord> All { get; }

    /// <summary>Reads every record of a folder, or says which cannot be read.</summary>
    public static Reading<RecordedKernels> Read(string folder)
    {
        List<KernelRecord> records = [];
        foreach (string file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.json") : [])
        {
            Reading<KernelRecord> record = KernelRecordDocument.Read(file, File.ReadAllBytes(file));
            if (!record.Ok)
            {
                return Reading.Refused<RecordedKernels>(record.Fault);
            }

            if (record.Value.Name != Path.GetFileNameWithoutExtension(file))
            {
                return Reading.Refused<RecordedKernels>(new InputFault(file, "a record that is named as its file", Printable.Quote(record.Value.Name), "write the record again"));
            }

            records.Add(record.Value);
        }

        return Reading.Of(new RecordedKernels(records));
    }

    /// <summary>The CPU of a record: its name without the kernel.</summary>
    public static string Line(KernelRecord record) => record.Name[..record.Name.LastIndexOf('-')];

    /// <summary>The upstream release in a record's name.</summary>
    public static KernelRelease Release(KernelRecord record)
        => KernelRelease.TryParse(record.Name[(record.Name.LastIndexOf('-') + 1)..], out KernelRelease release) ? release : default;

    /// <summary>A short name for a column.</summary>
    public static string Short(KernelRecord record)
        => string.Create(CultureInfo.InvariantCulture, $"{record.Oracle switch { "amd" => "AMD", "intel" => "Intel", _ => record.KvmModule ?? "other" }} {Release(record)}");

    /// <summary>How every kernel stands to a clause; empty where no case decides it.</summary>
    public IReadOnlyList<Standing> Standings(Clause clause) => [.. All
        .Select(record => new Standing(record, [.. _casesOf[clause.Rule.Id].Select(one => _results[record].GetValueOrDefault(one.Id)).OfType<RecordedCase>()]))
        .Where(static standing => standing.Cases.Count > 0)];
}
