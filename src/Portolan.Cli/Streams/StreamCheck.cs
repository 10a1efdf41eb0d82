using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Documents;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Streams;

/// <summary><c>portolan stream check</c>: will this very state load on these hosts?</summary>
internal static class StreamCheck
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("STREAM", "A QEMU migration stream, a libvirt save image, or a Cloud Hypervisor snapshot.");
        StreamCheckOptions options = new();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("check", "Say on which hosts the state in a stream loads, and why not on the others.") { file, json, output };
        options.AddTo(command);
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(file), options.Of(parsed), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string name, StreamCheckAsked asked, bool json, string? output)
    {
        Reading<StreamCheckInputs> inputs = asked.Read(terminal);
        Reading<JudgedGuest> guest = inputs.Ok ? JudgedGuest.Read(terminal, name, inputs.Value.Promise) : Reading.Refused<JudgedGuest>(inputs.Fault);
        if (!guest.Ok)
        {
            return terminal.Refuse(guest.Fault);
        }

        StreamCheckAnswer answer = StreamCheckAnswer.Of(guest.Value, inputs.Value!.Hosts, asked.Vmm, json || output is not null);
        foreach (StreamJudgement judgement in answer.Judgements.Where(static judgement => judgement.Disagreement is not null))
        {
            terminal.Say($"the two engines disagree on {judgement.Host}: {judgement.Disagreement}; the worse verdict is taken; please report it with the files");
        }

        return Answer.Give(terminal, output, json, () => StreamCheckDocument.Write(answer), () => StreamCheckReport.Of(answer), answer.Code);
    }
}

/// <summary>A check's answer for every host.</summary>
/// <param name="Guest">The saved guest.</param>
/// <param name="Judgements">The verdicts, in the order of the hosts.</param>
internal sealed record StreamCheckAnswer(JudgedGuest Guest, ImmutableArray<StreamJudgement> Judgements)
{
    /// <summary>What the process answers: the worst of the hosts.</summary>
    public ExitCode Code => Judgements.Any(static one => one.Report.ExitCode == (int)ExitCode.Incompatible) ? ExitCode.Incompatible
        : Judgements.Any(static one => one.Report.ExitCode == (int)ExitCode.Unknown) ? ExitCode.Unknown
        : ExitCode.Done;

    /// <summary>Judges the loading of a guest on every host.</summary>
    public static StreamCheckAnswer Of(JudgedGuest guest, ImmutableArray<(string Name, HostSnapshot Snapshot)> hosts, RestorePolicy vmm, bool withHashes)
        => new(guest, [.. hosts.Select(host => StreamJudgement.Of(guest, host.Name, host.Snapshot, vmm, withHashes))]);
}

/// <summary>The files of a check, read.</summary>
/// <param name="Promise">What the guest was promised.</param>
/// <param name="Hosts">The hosts, each with its name in answers.</param>
internal sealed record StreamCheckInputs(StreamPromise Promise, ImmutableArray<(string Name, HostSnapshot Snapshot)> Hosts);

/// <summary>The options of <c>portolan stream check</c>, which <c>stream watch</c> shares.</summary>
internal sealed class StreamCheckOptions
{
    private readonly Option<string[]> _hosts = CommonOptions.Hosts("--host", "Snapshots of the hosts to load on, by commas or several times.", "HOST", required: true);
    private readonly Option<string?> _guest = new("--guest") { Description = "The contract of the guest: what it was promised.", HelpName = "FILE" };
    private readonly Option<string?> _xml = new("--xml") { Description = "The guest's libvirt domain XML, in place of its contract. A save image has its own, which is taken without this.", HelpName = "FILE" };
    private readonly Option<string> _vmm = RouteArguments.Words("--vmm", "What does the VMM do when a step of the restore fails?", "reports", "ignores");

    public void AddTo(Command command)
    {
        command.Options.Add(_hosts);
        command.Options.Add(_guest);
        command.Options.Add(_xml);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_guest) is not null && result.GetValue(_xml) is not null)
            {
                result.AddError("give --guest or --xml, not both");
            }
        });
        command.Options.Add(_vmm);
    }

    public StreamCheckAsked Of(ParseResult parsed) => new(
        [.. parsed.GetRequiredValue(_hosts)],
        parsed.GetValue(_guest),
        parsed.GetValue(_xml),
        parsed.GetRequiredValue(_vmm) == "ignores" ? RestorePolicy.Ignores : RestorePolicy.Reports);
}

/// <summary>A check as it was asked for.</summary>
/// <param name="Hosts">The snapshots' files.</param>
/// <param name="Guest">The contract's file, if one was given.</param>
/// <param name="Xml">The domain XML's file, if one was given.</param>
/// <param name="Vmm">What the VMM does when a step fails.</param>
internal sealed record StreamCheckAsked(ImmutableArray<string> Hosts, string? Guest, string? Xml, RestorePolicy Vmm)
{
    /// <summary>Reads the files; the fault says which is wrong.</summary>
    public Reading<StreamCheckInputs> Read(Terminal terminal)
    {
        Reading<StreamPromise> promise = StreamPromise.Read(terminal, Guest, Xml);
        if (!promise.Ok)
        {
            return Reading.Refused<StreamCheckInputs>(promise.Fault);
        }

        ImmutableArray<(string, HostSnapshot)>.Builder hosts = ImmutableArray.CreateBuilder<(string, HostSnapshot)>();
        foreach (string file in Hosts)
        {
            Reading<HostSnapshot> host = InputFile.Host(terminal, file);
            if (!host.Ok)
            {
                return Reading.Refused<StreamCheckInputs>(host.Fault);
            }

            hosts.Add((RouteFiles.NameOf(file, host.Value), host.Value));
        }

        return Reading.Of(new StreamCheckInputs(promise.Value, hosts.ToImmutable()));
    }
}
