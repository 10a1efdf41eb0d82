using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Compatibility.Lint;
using Portolan.Documents;
using Portolan.Documents.Lint;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest lint</c>: which state of a guest a VMM does not save.</summary>
internal static class GuestLint
{
    public static Command Command(Terminal terminal)
    {
        Option<string> host = new("--host") { Description = "The snapshot of the host whose KVM the VMM reads from.", HelpName = "FILE", Required = true };
        Option<string?> guest = new("--guest") { Description = "The guest's contract; without it, whatever the host can give to a guest.", HelpName = "FILE" };
        Option<string?> vmm = new("--vmm") { Description = $"A VMM whose save set is known: {string.Join(", ", KnownVmms.All.Select(static known => known.Id))}.", HelpName = "NAME" };
        Option<string?> saves = new("--saves") { Description = "Your own VMM's save set, JSON (portolan/vmm-saves/1) or lines of kind, tab, item.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("lint", "Find the state that a guest can have on a host and that a VMM does not save.") { host, guest, vmm, saves, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, (parsed.GetRequiredValue(host), parsed.GetValue(guest), parsed.GetValue(vmm), parsed.GetValue(saves)), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, (string Host, string? Guest, string? Vmm, string? Saves) named, bool json, string? output)
    {
        if ((named.Vmm is null) == (named.Saves is null))
        {
            return terminal.RefuseUsage("give either --vmm or --saves; see 'portolan guest lint --help'");
        }

        KnownVmm? known = named.Vmm is null ? null : KnownVmms.Find(named.Vmm);
        if (named.Vmm is not null && known is null)
        {
            return terminal.RefuseUsage($"--vmm {named.Vmm}: its save set is not known; choose among {string.Join(", ", KnownVmms.All.Select(static vmm => vmm.Id))}, or give --saves");
        }

        Reading<HostSnapshot> host = InputFile.Host(terminal, named.Host);
        Reading<GuestContract>? guest = named.Guest is null ? null : InputFile.Contract(terminal, named.Guest);
        Reading<SaveSet> saves = known is not null ? Reading.Of(known.Saves) : InputFile.SaveSet(terminal, named.Saves!);
        if (!host.Ok || !saves.Ok || guest is { Ok: false })
        {
            return terminal.Refuse(host.Fault ?? saves.Fault ?? guest!.Value.Fault!);
        }

        LintReport report = SaveSetLint.Judge(host.Value, guest?.Value, saves.Value, known?.Without ?? ImmutableArray<string>.Empty);
        ExitCode code = report.IsIncomplete ? ExitCode.Incompatible : report.IsUnknown ? ExitCode.Unknown : ExitCode.Done;
        return Answer.Give(
            terminal, output, json, () => LintDocument.Write(report, host.Value.Name, guest?.Value?.Name), () => GuestLintReport.Of(report, host.Value, guest?.Value), code);
    }
}
