using System.Globalization;
using System.Text;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/cases.tsv: the acceptance cases, as the document that shows how to repeat each.</summary>
internal sealed class CasesTable : ITable
{
    private const string Separator = " ; ";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, "data/cases.tsv", ["id", "shows", "outcome", "verdict", "commands"], problems);
        file.RequireUnique(problems, "id");
        StringBuilder text = new();
        text.Append("<!-- Compiled from data/cases.tsv by tools/Portolan.TableCompiler. Edit the table, then run ./tables. -->\n");
        text.Append("# The acceptance cases\n\n");
        text.Append("The cases of the two discussions that the project grew from. `./portolan check --cases` judges all of them and compares each verdict with\n");
        text.Append("the one below, `./portolan trace --cases` does so with the routes, ioctl by ioctl; the commands of a case can also be run one by one.\n\n");
        text.Append("The line below a command is what it comes to. Of `check`: the verdict, the worst severity, the clauses of that severity, the exit code. Of `trace`: `arrived`, with what\n");
        text.Append("happened on the way behind a `+` (components that were never promised `dropped`, promised ones `lost` or `corrupted`, values that eVMCS `filtered`, a `promise` that a host\n");
        text.Append("cannot keep), or where the route ended: `refused@1:KVM_SET_XSAVE=EINVAL` is at hop 1, by that ioctl, with that errno; `incomplete@` where the VMM ran on without a part of the state.\n");
        foreach (TsvRow row in file.Rows)
        {
            Case(text, row, problems);
        }

        yield return new("docs/cases.md", text.ToString());
    }

    private static void Case(StringBuilder text, TsvRow row, Problems problems)
    {
        string[] commands = row["commands"].Split(Separator);
        Queue<string> outcomes = Expected(row, "outcome", "trace ", commands, problems);
        Queue<string> verdicts = Expected(row, "verdict", "check ", commands, problems);
        text.Append(CultureInfo.InvariantCulture, $"\n## {row["id"]}\n\n{row["shows"]}.\n\n");
        foreach (string command in commands)
        {
            text.Append(CultureInfo.InvariantCulture, $"    ./portolan {command}\n");
            Queue<string>? expected = command.StartsWith("trace ", StringComparison.Ordinal) ? outcomes : command.StartsWith("check ", StringComparison.Ordinal) ? verdicts : null;
            if (expected?.TryDequeue(out string? outcome) == true)
            {
                text.Append(CultureInfo.InvariantCulture, $"    # {outcome}\n");
            }
        }
    }

    /// <summary>What the commands of one kind come to; a problem unless there are as many as commands.</summary>
    private static Queue<string> Expected(TsvRow row, string column, string kind, string[] commands, Problems problems)
    {
        string[] expected = row[column] == "-" ? [] : row[column].Split(Separator);
        int count = commands.Count(command => command.StartsWith(kind, StringComparison.Ordinal));
        if (count != expected.Length)
        {
            problems.Add(row, $"{count} commands begin with '{kind.Trim()}', and column {column} has {expected.Length}");
        }

        return new Queue<string>(expected);
    }
}
