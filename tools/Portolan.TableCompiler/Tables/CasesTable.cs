using System.Text;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/cases.tsv: the acceptance cases, as the document that shows how to repeat each.</summary>
internal sealed class CasesTable : ITable
{
    private const string Separator = " ; ";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, "data/cases.tsv", ["id", "shows", "outcome", "commands"], problems);
        file.RequireUnique(problems, "id");
        StringBuilder text = new();
        text.Append("<!-- Compiled from data/cases.tsv by tools/Portolan.TableCompiler. Edit the table, then run ./tables. -->\n");
        text.Append("# The acceptance cases\n\n");
        text.Append("The cases of the two discussions that the project grew from, as far as a trace decides them. `./portolan trace --cases` takes all of\n");
        text.Append("them and compares each outcome with the one below; the commands of a case can also be run one by one.\n");
        foreach (TsvRow row in file.Rows)
        {
            string[] commands = row["commands"].Split(Separator);
            string[] outcomes = row["outcome"].Split(Separator);
            int traces = commands.Count(command => command.StartsWith("trace ", StringComparison.Ordinal));
            if (traces != outcomes.Length)
            {
                problems.Add(row, $"{traces} traces and {outcomes.Length} outcomes");
            }

            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n## {row["id"]}\n\n{row["shows"]}.\n\n");
            int trace = 0;
            foreach (string command in commands)
            {
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $"    ./portolan {command}\n");
                if (command.StartsWith("trace ", StringComparison.Ordinal) && trace < outcomes.Length)
                {
                    text.Append(System.Globalization.CultureInfo.InvariantCulture, $"    # {outcomes[trace++]}\n");
                }
            }
        }

        yield return new("docs/cases.md", text.ToString());
    }
}
