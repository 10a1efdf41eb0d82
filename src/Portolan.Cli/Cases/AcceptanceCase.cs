using System.Reflection;

namespace Portolan.Cli.Cases;

/// <summary>An acceptance case: a row of data/cases.tsv.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Shows">What it shows.</param>
/// <param name="Expected">The outcome of each of its traces, as <see cref="Kvm.Routes.RouteSummary.Outcome"/> writes it.</param>
/// <param name="Commands">The commands that show it, without the program's name; each trace is one of them.</param>
internal sealed record AcceptanceCase(string Id, string Shows, IReadOnlyList<string> Expected, IReadOnlyList<string> Commands)
{
    private const string Resource = "cases.tsv";
    private const string Separator = " ; ";

    /// <summary>Every case, in the table's order.</summary>
    public static IReadOnlyList<AcceptanceCase> All()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the program was built without {Resource}");
        using StreamReader reader = new(stream);
        string[][] rows = [.. reader.ReadToEnd().Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t'))];
        return [.. rows.Skip(1).Select(row => new AcceptanceCase(row[0], row[1], row[2].Split(Separator), row[3].Split(Separator)))];
    }
}
