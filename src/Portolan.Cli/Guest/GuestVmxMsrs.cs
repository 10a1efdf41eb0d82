using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest vmx-msrs</c>: the VMX capability MSRs as the VMM and as the guest read them.</summary>
internal static class GuestVmxMsrs
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("FILE", "A guest contract.");
        Option<string?> host = new("--host") { Description = "The host whose kernel's eVMCS filter applies; without it every filter is shown.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("vmx-msrs", "Show a guest's VMX capability MSRs, host-initiated and guest-visible.") { file, host, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(file), parsed.GetValue(host), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, string? hostFile, bool json, string? output)
    {
        Reading<GuestContract> guest = InputFile.Contract(terminal, file);
        Reading<HostSnapshot> host = guest.Ok && hostFile is not null ? InputFile.Host(terminal, hostFile) : Reading.Of(new HostSnapshot());
        if (!guest.Ok || !host.Ok)
        {
            return terminal.Refuse(guest.Fault ?? host.Fault!);
        }

        ImmutableArray<VmxMsrColumn> columns = VmxMsrColumn.For(guest.Value, hostFile is null ? null : host.Value, out uint missing, out bool unknownFilter);
        if (unknownFilter)
        {
            terminal.Say($"{hostFile}: the snapshot does not tell which eVMCS filter its kernel has; classify the host");
            return ExitCode.Unknown;
        }

        return columns.IsEmpty
            ? terminal.RefuseHost($"{file}: {(missing == 0 ? "the guest was promised no VMX" : $"the contract has no value for {KnownMsrs.Describe(missing)}")}")
            : Answer.Give(terminal, output, json, () => VmxMsrReport.Json(columns), () => VmxMsrReport.Text(columns));
    }
}
