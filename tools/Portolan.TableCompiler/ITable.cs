namespace Portolan.TableCompiler;

/// <summary>A table of facts and the code it becomes.</summary>
public interface ITable
{
    /// <summary>
    /// Reads the table from the repository at <paramref name="root"/>, reports every problem, and answers the files to write,
    /// their paths relative to the repository.
    /// </summary>
    IEnumerable<GeneratedFile> Compile(string root, Problems problems);
}

/// <summary>A file the compiler writes.</summary>
/// <param name="Path">Relative to the repository; code ends in <c>.g.cs</c>.</param>
/// <param name="Text">Its whole text, lines ended by a line feed.</param>
public sealed record GeneratedFile(string Path, string Text);
