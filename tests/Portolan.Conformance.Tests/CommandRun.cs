using System.Text;
using System.Text.Json.Nodes;
using Portolan.Cli.Frame;

namespace Portolan.Conformance.Tests;

/// <summary>A run of the command line in the tests' own process.</summary>
/// <param name="Code">What it answered.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record CommandRun(ExitCode Code, string Output, string Error)
{
    public static CommandRun Of(params string[] words)
    {
        using MemoryStream output = new();
        using StringWriter error = new();
        ExitCode code = CommandLineProgram.Run(words, new Terminal(Stream.Null, output, error, isInteractive: false));
        return new CommandRun(code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>The document that a run wrote, which keeps to its schema, and nothing else.</summary>
    public JsonNode Document(string schema)
    {
        Assert.Equal("", Error);
        return SchemaCheck.Kept(schema, Encoding.UTF8.GetBytes(Output));
    }

    /// <summary>The run refused with one line.</summary>
    public void IsRefused(ExitCode expected)
    {
        Assert.Equal((expected, ""), (Code, Output));
        Assert.StartsWith("portolan: ", Error, StringComparison.Ordinal);
        Assert.Single(Error.TrimEnd('\n').Split('\n'));
    }
}
