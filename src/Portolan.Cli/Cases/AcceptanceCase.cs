using System.Reflection;

namespace Portolan.Cli.Cases;

/// <summary>An acceptance case: a row of data/cases.tsv.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Shows">What it shows.</param>
/// <param name="Outcomes">The outcome of each of its traces, as <see cref="Kvm.Routes.RouteSummary.Outcome"/> writes it.</param>
/// <param name="Verdicts">The outcome of each of its checks, as <see cref="Check.CheckAnswer.Outcome"/> writes it.</param>
/// <param name="Commands">The commands that show it, without the program's name.</param>
internal sealed record AcceptanceCase(string Id, string Shows, IReadOnlyList<string> Outcomes, IReadOnlyList<string> Verdicts, IReadOnlyList<string> Commands)
{
    /// <summary>What a command that takes a route begins with.</summary>
    public const string Trace = "trace ";

    /// <summary>What a command that judges a route begins with.</summary>
    public const string Check = "check ";

    private const string Resource = "cases.tsv";
    private const string Separator = " ; ";
    private const string Nothing = "-";

    /// <summary>Every case, in the table's order.</summary>
    public static IReadOnlyList<AcceptanceCase> All()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the program was built without {Resource}");
        using StreamReader reader = new(stream);
        string[][] rows = [.. reader.ReadToEnd().Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t'))];
        return [.. rows.Skip(1).Select(row => new AcceptanceCase(row[0], row[1], Several(row[2]), Several(row[3]), Several(row[4])))];
    }

    private static string[] Several(string field) => field == Nothing ? [] : field.Split(Separator);
}
