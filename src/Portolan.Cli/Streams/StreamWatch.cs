using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Documents;
using Portolan.Streams;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>
/// <c>portolan stream watch</c>: passes a stream from standard input to standard output and judges it on the way. From the first vCPU on nothing goes
/// out before the verdict stands.
/// </summary>
internal static class StreamWatch
{
    public static Command Command(Terminal terminal)
    {
        StreamCheckOptions options = new();
        Option<string> stopOn = RouteArguments.Words("--stop-on", "At which verdict is the pipe broken, so that the destination never starts the guest?", "never", "incompatible", "unknown");
        Option<string?> output = CommonOptions.Output();
        Command command = new("watch", "Pass a stream from standard input to standard output and judge it on the way.") { stopOn, output };
        options.AddTo(command);
        command.SetAction(parsed => (int)Run(terminal, options.Of(parsed), parsed.GetRequiredValue(stopOn), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, StreamCheckAsked asked, string stopOn, string? output)
    {
        if (output == InputFile.StandardInput)
        {
            return terminal.RefuseUsage("-o: standard output carries the stream; name a file");
        }

        Reading<StreamCheckInputs> inputs = asked.Read(terminal);
        if (!inputs.Ok)
        {
            return terminal.Refuse(inputs.Fault);
        }

        try
        {
            return Watch(terminal, asked, inputs.Value, stopOn, output);
        }
        catch (IOException broken)
        {
            terminal.Say($"the stream could not be passed on: {broken.Message}");
            return ExitCode.BadInput;
        }
    }

    private static ExitCode Watch(Terminal terminal, StreamCheckAsked asked, StreamCheckInputs inputs, string stopOn, string? output)
    {
        using WatchedInput pipe = new(terminal.Input, terminal.Output);
        StreamWatchVerdict? verdict = null;
        StreamReading reading = MigrationStreamReader.Read(pipe, new StreamReadOptions
        {
            ReadsForwards = true,
            Walked = pipe.Walked,
            SectionBegins = section =>
            {
                if (section.Name == "cpu" && verdict is null)
                {
                    pipe.Hold(section.Offset);
                }
            },
            DevicesRead = stream =>
            {
                verdict ??= StreamWatchVerdict.Of(terminal, asked, inputs, stream);
                bool goesOn = !verdict.Stops(stopOn);
                if (goesOn)
                {
                    pipe.Release();
                }

                return goesOn;
            },
        });
        return End(terminal, pipe, reading, verdict ?? StreamWatchVerdict.None(reading.Fault), stopOn, output);
    }

    private static ExitCode End(Terminal terminal, WatchedInput pipe, StreamReading reading, StreamWatchVerdict verdict, string stopOn, string? output)
    {
        bool stopped = verdict.Stops(stopOn);
        if (pipe.Overflowed)
        {
            terminal.Say($"more than {WatchedInput.LargestHeld >> 20} MiB of devices: they could not be held until the verdict stood");
        }

        if (!stopped)
        {
            pipe.PassRest();
        }

        terminal.Say($"{verdict.Words}; {(stopped ? "the pipe is broken: nothing from the first vCPU on was passed on" : "passed on unchanged")}");
        if (output is not null && verdict.Answer is { } answer && Answer.Write(terminal, output, StreamCheckDocument.Write(answer)) is var written and not ExitCode.Done)
        {
            return written;
        }

        return reading.Fault is { } fault ? terminal.Refuse(StreamInput.FaultOf(InputFile.StandardInput, fault)) : verdict.Code;
    }
}

/// <summary>What a watch found.</summary>
/// <param name="Answer">The check's answer; null where none could be given.</param>
/// <param name="Words">It in one line.</param>
/// <param name="Code">What the process answers.</param>
internal sealed record StreamWatchVerdict(StreamCheckAnswer? Answer, string Words, ExitCode Code)
{
    /// <summary>Is the pipe broken at this verdict?</summary>
    public bool Stops(string stopOn) => stopOn switch
    {
        "incompatible" => Code == ExitCode.Incompatible,
        "unknown" => Code is ExitCode.Incompatible or ExitCode.Unknown or ExitCode.BadInput,
        _ => false,
    };

    /// <summary>Judges what was read of the stream so far.</summary>
    public static StreamWatchVerdict Of(Terminal terminal, StreamCheckAsked asked, StreamCheckInputs inputs, MigrationStream stream)
    {
        Reading<JudgedGuest> guest = JudgedGuest.OfStream(InputFile.StandardInput, stream, inputs.Promise);
        if (!guest.Ok)
        {
            return new StreamWatchVerdict(null, $"unknown: {guest.Fault}", ExitCode.Unknown);
        }

        StreamCheckAnswer answer = StreamCheckAnswer.Of(guest.Value, inputs.Hosts, asked.Vmm, withHashes: true);
        foreach (StreamJudgement judgement in answer.Judgements)
        {
            string findings = string.Join("; ", judgement.Report.Findings.Take(4).Select(static finding => $"{finding.Words} [{finding.Clause}]"));
            terminal.Say($"{judgement.Host}: {judgement.Report.Headline}{(findings.Length > 0 ? $": {findings}" : "")}");
        }

        return new StreamWatchVerdict(answer, string.Join(", ", answer.Judgements.Select(static judgement => $"{judgement.Host} {Documents.Verdicts.VerdictWords.Of(judgement.Report.Verdict)}")), answer.Code);
    }

    /// <summary>No verdict: the stream ended before its devices did.</summary>
    public static StreamWatchVerdict None(StreamFault? fault) => new(null, $"unknown: {fault?.ToString() ?? "the stream has no devices"}", ExitCode.Unknown);
}
