using System.Collections.Immutable;
using Portolan.Documents;

namespace Portolan.Lab.Packages;

/// <summary>Package records, as <c>apt-cache show</c> prints them: paragraphs of fields.</summary>
public sealed class PackageIndex
{
    private const int LongestText = 64 << 20;

    private PackageIndex(ImmutableArray<PackageRecord> all) => All = all;

    /// <summary>Every record: by name, the newest version of a name first.</summary>
    public ImmutableArray<PackageRecord> All { get; }

    /// <summary>The newest version of a package, or the one version asked for; null where there is none.</summary>
    public PackageRecord? Find(string name, DebianVersion? exactly = null)
        => All.FirstOrDefault(record => record.Name == name && (exactly is not { } version || record.Version.CompareTo(version) == 0));

    /// <summary>
    /// Reads the text. A paragraph without a name, version, file or SHA-256 is a fault; a continuation line or an unknown field is passed over.
    /// </summary>
    /// <param name="source">What a fault calls the text.</param>
    /// <param name="text">The output of <c>apt-cache show</c>.</param>
    public static Reading<PackageIndex> Parse(string source, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestText)
        {
            return Reading.Refused<PackageIndex>(new InputFault(source, $"at most {LongestText >> 20} MiB", "more", "ask for fewer packages"));
        }

        List<PackageRecord> records = [];
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        string[] lines = text.Split('\n');
        for (int i = 0, start = 0; i <= lines.Length; i++)
        {
            string line = i < lines.Length ? lines[i].TrimEnd('\r') : "";
            if (line.Length == 0)
            {
                if (fields.Count > 0 && Record(source, start + 1, fields, records) is { } fault)
                {
                    return Reading.Refused<PackageIndex>(fault);
                }

                fields.Clear();
                start = i + 1;
            }
            else if (line[0] is not (' ' or '\t'))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon <= 0)
                {
                    return Reading.Refused<PackageIndex>(new InputFault(source, "a field 'Name: value'", Printable.Quote(line), "this is no package index") { Line = i + 1 });
                }

                fields[line[..colon]] = line[(colon + 1)..].Trim();
            }
        }

        return Reading.Of(new PackageIndex([.. records.Distinct()
            .OrderBy(static record => record.Name, StringComparer.Ordinal).ThenByDescending(static record => record.Version)]));
    }

    private static InputFault? Record(string source, int line, Dictionary<string, string> fields, List<PackageRecord> records)
    {
        foreach (string wanted in (string[])["Package", "Version", "Filename", "SHA256"])
        {
            if (!fields.TryGetValue(wanted, out string? value) || value.Length == 0)
            {
                return new InputFault(source, $"the field '{wanted}' in each paragraph", "none", "fetch the index again") { Line = line };
            }
        }

        string sha256 = fields["SHA256"];
        if (sha256.Length != 64 || sha256.Any(static c => !char.IsAsciiHexDigitLower(c)))
        {
            return new InputFault(source, "64 lower-case hexadecimal digits in SHA256", Printable.Quote(sha256), "fetch the index again") { Line = line };
        }

        records.Add(new PackageRecord(
            fields["Package"],
            new DebianVersion(fields["Version"]),
            [.. Dependencies(fields.GetValueOrDefault("Pre-Depends")), .. Dependencies(fields.GetValueOrDefault("Depends"))],
            Path.GetFileName(fields["Filename"]),
            sha256));
        return null;
    }

    private static IEnumerable<PackageDependency> Dependencies(string? field)
    {
        foreach (string choice in (field ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string first = choice.Split('|', 2, StringSplitOptions.TrimEntries)[0];
            int bracket = first.IndexOf('(', StringComparison.Ordinal);
            string name = (bracket < 0 ? first : first[..bracket]).Trim().Split(':')[0];
            string relation = bracket < 0 ? "" : first[(bracket + 1)..].TrimEnd(')', ' ').Trim();
            yield return new PackageDependency(name, relation.StartsWith("= ", StringComparison.Ordinal) ? new DebianVersion(relation[2..].Trim()) : null);
        }
    }
}
