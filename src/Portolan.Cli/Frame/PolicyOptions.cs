using System.CommandLine;
using System.Globalization;
using Portolan.Compatibility.Policies;
using Portolan.Documents;

namespace Portolan.Cli.Frame;

/// <summary>The policy that a verb applies, and the day on which its waivers are judged.</summary>
/// <param name="Policy">The policy; the one that changes nothing where none was given.</param>
/// <param name="File">The file as it was given, or null.</param>
/// <param name="Day">The day.</param>
internal sealed record PolicyChoice(CheckPolicy Policy, string? File, DateOnly Day)
{
    /// <summary>The day as answers name it; null where no waiver can depend on it.</summary>
    public string? DayText => File is null ? null : Day.ToString(PolicyOptions.DayFormat, CultureInfo.InvariantCulture);
}

/// <summary>The options <c>--policy FILE</c> and <c>--date DAY</c>.</summary>
internal sealed class PolicyOptions
{
    /// <summary>How a day is written.</summary>
    public const string DayFormat = "yyyy-MM-dd";

    private readonly Option<string?> _policy = new("--policy")
    {
        Description = "What warns, what blocks and what may pass until when. '-' reads standard input.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _date = new("--date")
    {
        Description = "The day on which waivers are judged, as 2026-12-31; today (UTC) without it.",
        HelpName = "DAY",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_policy);
        command.Options.Add(_date);
    }

    /// <summary>Reads both. Null where one is refused, which is then said, with the exit code.</summary>
    public PolicyChoice? Read(Terminal terminal, ParseResult parsed, out ExitCode refused)
    {
        refused = ExitCode.Done;
        string? text = parsed.GetValue(_date);
        DateOnly day = DateOnly.FromDateTime(DateTime.UtcNow);
        if (text is not null && !DateOnly.TryParseExact(text, DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out day))
        {
            refused = terminal.RefuseUsage($"--date takes a day as 2026-12-31, not '{text}'");
            return null;
        }

        if (parsed.GetValue(_policy) is not { } file)
        {
            return new(CheckPolicy.None, null, day);
        }

        Reading<CheckPolicy> policy = InputFile.Policy(terminal, file);
        if (policy.Ok)
        {
            return new(policy.Value, file, day);
        }

        refused = terminal.Refuse(policy.Fault);
        return null;
    }
}
