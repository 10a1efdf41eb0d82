using System.CommandLine;

namespace Portolan.Cli.Frame;

/// <summary>Arguments and options that mean the same in every verb that has them.</summary>
internal static class CommonOptions
{
    public static Argument<string> File(string name, string description) => new(name) { Description = description + " '-' reads standard input." };

    public static Option<bool> Json() => new("--json") { Description = "Write JSON to standard output." };

    public static Option<string?> Output() => new("--output", "-o")
    {
        Description = "Write the document into this file, whole or not at all.",
        HelpName = "FILE",
    };
}
