using System.Text.RegularExpressions;

namespace Portolan.Kvm.Model.Tests.Observations;

/// <summary>
/// A record of what a real kernel answered. The kernel's own log went to the same console and stands in the middle of lines; it is
/// taken out, and the halves are joined.
/// </summary>
internal sealed partial class ObservationFile
{
    private ObservationFile(string name, IReadOnlyList<string> lines, int logLines, int rawLines)
    {
        Name = name;
        Lines = lines;
        LogLines = logLines;
        RawLines = rawLines;
    }

    public string Name { get; }

    /// <summary>The probe's lines, whole again.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>How many lines of the kernel's log were taken out.</summary>
    public int LogLines { get; }

    /// <summary>How many lines the file has.</summary>
    public int RawLines { get; }

    public static ObservationFile Read(string path)
    {
        string text = File.ReadAllText(path).ReplaceLineEndings("\n");
        int raw = text.Count(c => c == '\n') + (text.EndsWith('\n') ? 0 : 1);
        int log = KernelLog().Count(text);
        string whole = KernelLog().Replace(text, string.Empty);
        string[] lines = whole.Split('\n');
        return new ObservationFile(Path.GetFileName(path), lines[^1].Length == 0 ? lines[..^1] : lines, log, raw);
    }

    [GeneratedRegex(@"\[ *\d+\.\d{6}\] [^\n]*(\n|$)")]
    private static partial Regex KernelLog();
}
