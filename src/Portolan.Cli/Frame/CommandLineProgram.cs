using System.CommandLine;
using System.CommandLine.Parsing;

namespace Portolan.Cli.Frame;

/// <summary>The program as a function of its arguments and streams.</summary>
public static class CommandLineProgram
{
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>
    /// Parses the arguments, runs one verb, answers its exit code. No exception leaves it: this is the process edge, and a bug is one line.
    /// </summary>
    public static ExitCode Run(IReadOnlyList<string> args, Terminal terminal)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        try
        {
            return Dispatch(args, terminal);
        }
#pragma warning disable CA1031 // The process edge: whatever was not foreseen ends as one line and exit code 70.
        catch (Exception bug)
#pragma warning restore CA1031
        {
            terminal.Say($"internal error: {bug.GetType().Name}: {bug.Message}; please report it with the command and its input");
            return ExitCode.Internal;
        }
    }

    private static ExitCode Dispatch(IReadOnlyList<string> args, Terminal terminal)
    {
        RootCommand root = Verbs.Root(terminal);
        ParseResult parsed;
        try
        {
            parsed = root.Parse(args, Parsing);
        }
        catch (InvalidOperationException missing) when (missing.Message.StartsWith("Required argument missing", StringComparison.Ordinal))
        {
            // What a rule over several options gets to see that asks for one without its argument.
            return terminal.RefuseUsage($"{Shorten(missing.Message)}; see '{Terminal.ProgramName} --help'");
        }

        if (parsed.Errors.Count > 0 && parsed.Action is not (System.CommandLine.Help.HelpAction))
        {
            string command = string.Join(' ', NamesOf(parsed));
            string message = parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is no command or argument here" : Shorten(parsed.Errors[0].Message);
            return terminal.RefuseUsage($"{message}; see '{command} --help'");
        }

        if (NoOption(parsed) is { } word)
        {
            return terminal.RefuseUsage($"'{word}' is no option here, and a file of that name is ./{word}; see '{string.Join(' ', NamesOf(parsed))} --help'");
        }

        using StreamWriter output = new(terminal.Output, leaveOpen: true) { NewLine = "\n" };
        InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false, Output = output, Error = terminal.Error };
        return (ExitCode)parsed.Invoke(invocation);
    }

    /// <summary>The first word that looks like an option and was taken for a file or a value; after "--" every word is one.</summary>
    private static string? NoOption(ParseResult parsed)
        => parsed.Tokens.TakeWhile(static token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(static token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal))?.Value;

    /// <summary>The parser's message in one line, without the .NET type that it would like to see.</summary>
    private static string Shorten(string message)
    {
        int type = message.IndexOf(" as expected type", StringComparison.Ordinal);
        string[] lines = (type < 0 ? message : message[..type]).Split(['\r', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return (lines.Length < 2 ? message[..(type < 0 ? message.Length : type)] : $"{lines[0]} {string.Join(", ", lines[1..])}").TrimEnd('.');
    }

    private static Stack<string> NamesOf(ParseResult parsed)
    {
        Stack<string> names = new();
        for (SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
        {
            if (at is CommandResult { Command: not RootCommand } command)
            {
                names.Push(command.Command.Name);
            }
        }

        names.Push(Terminal.ProgramName);
        return names;
    }
}
