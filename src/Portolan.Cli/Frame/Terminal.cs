using System.Text;
using Portolan.Documents;

namespace Portolan.Cli.Frame;

/// <summary>The process's three streams. Answers go to the output, messages to the error stream, one line each.</summary>
public sealed class Terminal
{
    /// <summary>The program's name as messages give it.</summary>
    public const string ProgramName = "portolan";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private bool _isInputTaken;

    /// <summary>A terminal over three streams.</summary>
    /// <param name="input">Standard input.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isInteractive">Does a person see the output, so that colour helps?</param>
    public Terminal(Stream input, Stream output, TextWriter error, bool isInteractive)
    {
        Input = input;
        Output = output;
        Error = error;
        IsInteractive = isInteractive;
    }

    /// <summary>Standard input.</summary>
    public Stream Input { get; }

    /// <summary>Standard input for who reads all of it; null where somebody did.</summary>
    public Stream? TakeInput()
    {
        (Stream? input, _isInputTaken) = (_isInputTaken ? null : Input, true);
        return input;
    }

    /// <summary>Standard output.</summary>
    public Stream Output { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Does a person see the output?</summary>
    public bool IsInteractive { get; }

    /// <summary>Does a person see the error stream, so that a progress bar helps?</summary>
    public bool ShowsProgress { get; init; }

    /// <summary>This process's streams.</summary>
    public static Terminal OfProcess() => new(
        Console.OpenStandardInput(),
        Console.OpenStandardOutput(),
        new StreamWriter(Console.OpenStandardError(), Utf8) { AutoFlush = true },
        !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")))
    {
        ShowsProgress = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"),
    };

    /// <summary>One line to the error stream.</summary>
    public void Say(string message) => Error.Write($"{ProgramName}: {Printable.OneLine(message)}\n");

    /// <summary>Says a fault and answers exit code 65.</summary>
    public ExitCode Refuse(InputFault fault)
    {
        Say(fault.ToString());
        return ExitCode.BadInput;
    }

    /// <summary>Says why the command line is wrong and answers exit code 64.</summary>
    public ExitCode RefuseUsage(string message)
    {
        Say(message);
        return ExitCode.Usage;
    }

    /// <summary>Says what the host lacks and answers exit code 69.</summary>
    public ExitCode RefuseHost(string message)
    {
        Say(message);
        return ExitCode.Unavailable;
    }

    /// <summary>Bytes to the output.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Output.Write(bytes);
        Output.Flush();
    }

    /// <summary>Text to the output.</summary>
    public void Write(string text) => Write(Utf8.GetBytes(text));
}
