using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Readings;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Linux.Environment;
using Portolan.Kvm.Model;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Guest;

/// <summary>
/// <c>portolan guest carry</c>: starts a guest on a host, or receives it from the folder that another host's run left; its code reads its CPU
/// and the readings are compared; the folder it leaves is for the next host.
/// </summary>
internal static class GuestCarry
{
    /// <summary>The files of a carried guest: contract, state, what it read at its start, and its stay here.</summary>
    public const string ContractFile = "guest.json", StateFile = "state.json", ReadingFile = "reading.json", HopFile = "hop.json";

    public static Command Command(Terminal terminal)
    {
        Option<string?> from = new("--from") { Description = "The folder that the guest's last host left; without it the guest is started.", HelpName = "DIR" };
        Option<string?> guest = new("--guest") { Description = "The contract of a guest that is started; without it all that the host supports.", HelpName = "FILE" };
        Option<string[]> without = new("--without") { Description = "Features that a guest without --guest is not promised.", HelpName = "FEATURE", AllowMultipleArgumentsPerToken = true };
        Option<string?> overSave = new("--over-save") { Description = "Save as a kernel of generation G1 would: with this state component, promised or not.", HelpName = "COMPONENT" };
        Option<string?> host = new("--host") { Description = "The model of this host snapshot instead of this machine's KVM.", HelpName = "FILE" };
        Option<string> device = LiveOptions.Device();
        Option<bool> json = CommonOptions.Json();
        Option<string> output = new("--output", "-o") { Description = "The folder to leave for the next host.", HelpName = "DIR", Required = true };
        Command command = new("carry", "Start a guest, or receive it from another host; its code reads its CPU before and after.") { from, guest, without, overSave, host, device, json, output };
        command.SetAction(parsed => (int)Run(
            terminal,
            new Options(parsed.GetValue(from), parsed.GetValue(guest), parsed.GetValue(without) ?? [], parsed.GetValue(overSave), parsed.GetRequiredValue(output), parsed.GetValue(json)),
            parsed.GetValue(host),
            parsed.GetRequiredValue(device)));
        return command;
    }

    private sealed record Options(string? From, string? Guest, string[] Without, string? OverSave, string Output, bool Json);

    private sealed record Carried(GuestContract Contract, GuestState? State, GuestReading? Reading);

    private static ExitCode Run(Terminal terminal, Options options, string? hostFile, string device)
    {
        if (options.OverSave is { } name && !XFeatureTable.TryFind(name, out _))
        {
            return terminal.RefuseUsage($"--over-save {name}: expected a state component; there is {XFeatureTable.Names(XFeatureTable.User)}");
        }

        if (hostFile is not null)
        {
            Reading<HostSnapshot> read = InputFile.Host(terminal, hostFile);
            if (!read.Ok)
            {
                return terminal.Refuse(read.Fault);
            }

            return ModelSystem.TryCreate(read.Value, KvmBehaviours.Of(read.Value), out System.Collections.Immutable.ImmutableArray<string> missing) is { } model
                ? On(terminal, options, model, read.Value)
                : terminal.RefuseHost($"{hostFile}: the snapshot cannot be modelled without {string.Join(" and ", missing)}");
        }

        if (!LinuxKvm.TryOpen(device, out KvmSystem? system, out string? reason))
        {
            return terminal.RefuseHost(reason);
        }

        using (system)
        {
            return On(terminal, options, system, HostRecorder.Record(system, LinuxHost.Read(), DateTimeOffset.UtcNow));
        }
    }

    private static ExitCode On(Terminal terminal, Options options, IKvmSystem system, HostSnapshot host)
    {
        Reading<Carried> carried = options.From is { } folder ? Open(terminal, folder) : Define(terminal, options, host);
        if (!carried.Ok)
        {
            return terminal.Refuse(carried.Fault);
        }

        (GuestContract contract, GuestState? state, GuestReading? first) = carried.Value;
        GuestHop hop = state is null || first is null ? GuestCarriage.Start(system, contract) : GuestCarriage.Receive(system, contract, state, first);
        if (hop.State is { } saved && options.OverSave is { } name && XFeatureTable.TryFind(name, out XFeature? component)
            && XsaveLayout.TryFrom(host.SupportedCpuid?.Value ?? contract.Cpuid, out XsaveLayout layout, out _))
        {
            hop = hop with { State = GuestCarriage.OverSave(saved, layout, component.Component) };
        }

        if (Keep(options.Output, contract, first ?? hop.Reading, hop, host) is { } fault)
        {
            return terminal.Refuse(fault);
        }

        ExitCode code = !hop.Decided ? ExitCode.Unknown : hop.Ok ? ExitCode.Done : ExitCode.Incompatible;
        return Answer.Give(terminal, null, options.Json, () => GuestHopDocument.Write(hop, host), () => GuestCarryReport.Of(hop, host), code);
    }

    private static Reading<Carried> Open(Terminal terminal, string folder)
    {
        Reading<GuestContract> contract = InputFile.Contract(terminal, Path.Combine(folder, ContractFile));
        Reading<GuestState> state = InputFile.State(terminal, Path.Combine(folder, StateFile));
        Reading<GuestReading> reading = InputFile.GuestReading(terminal, Path.Combine(folder, ReadingFile));
        return (contract.Fault ?? state.Fault ?? reading.Fault) is { } fault ? Reading.Refused<Carried>(fault)
            : state.Value!.Vcpus.IsEmpty ? Reading.Refused<Carried>(new InputFault(Path.Combine(folder, StateFile), "a vCPU", "none", "save the guest again") { JsonPath = "$.vcpus" })
            : Reading.Of(new Carried(contract.Value!, state.Value, reading.Value));
    }

    private static Reading<Carried> Define(Terminal terminal, Options options, HostSnapshot host)
    {
        if (options.Guest is { } file)
        {
            Reading<GuestContract> contract = InputFile.Contract(terminal, file);
            return contract.Ok ? Reading.Of(new Carried(contract.Value, null, null)) : Reading.Refused<Carried>(contract.Fault);
        }

        GuestDefinitionAnswer answer = GuestDefinition.From(host, new GuestRequest { Without = [.. options.Without] });
        return answer.Contract is { } defined
            ? Reading.Of(new Carried(defined, null, null))
            : Reading.Refused<Carried>(new InputFault("--without", "a guest that the host can have", answer.Reason, "ask for less"));
    }

    private static InputFault? Keep(string folder, GuestContract contract, GuestReading? first, GuestHop hop, HostSnapshot host)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return new InputFault(folder, "a folder to write into", Printable.OneLine(refused.Message), "choose another with -o");
        }

        return AtomicFile.Write(Path.Combine(folder, ContractFile), GuestContractDocument.Write(contract).Span)
            ?? (first is null ? null : AtomicFile.Write(Path.Combine(folder, ReadingFile), GuestReadingDocument.Write(first).Span))
            ?? (hop.State is null ? null : AtomicFile.Write(Path.Combine(folder, StateFile), GuestStateDocument.Write(hop.State).Span))
            ?? AtomicFile.Write(Path.Combine(folder, HopFile), GuestHopDocument.Write(hop, host).Span);
    }
}
