namespace Portolan.TableCompiler;

/// <summary>What is wrong with the tables, each with its file and line. The compiler reports all, then writes nothing.</summary>
public sealed class Problems
{
    private readonly List<string> _lines = [];

    /// <summary>The problems, in the order in which they were found.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Adds a problem at a row.</summary>
    public void Add(TsvRow row, string message) => Add(row.File, row.Line, message);

    /// <summary>Adds a problem at a line.</summary>
    public void Add(string file, int line, string message) => _lines.Add($"{file}:{line}: {message}");
}
