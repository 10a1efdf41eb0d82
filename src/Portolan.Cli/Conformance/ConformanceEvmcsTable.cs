using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Conformance.Evmcs;
using Portolan.Documents;
using Portolan.Kvm;

namespace Portolan.Cli.Conformance;

/// <summary>
/// <c>portolan conformance evmcs-table</c>: guest code reads the VMX capability MSRs before and after eVMCS is enabled; the values beside
/// the VMM's, compared with the model's prediction.
/// </summary>
internal static class ConformanceEvmcsTable
{
    private const string Live = "live";

    public static Command Command(Terminal terminal)
    {
        Option<string> subject = new("--subject")
        {
            Description = "live (this host's KVM), or a host snapshot's file, shipped:NAME or '-': the model of that host alone.",
            HelpName = "SUBJECT",
            DefaultValueFactory = static _ => Live,
        };
        Option<string?> measured = new("--measured") { Description = "What a kernel gave, as --json wrote it there: compared with the model of the host that --subject names.", HelpName = "FILE" };
        Option<string> device = LiveOptions.Device();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("evmcs-table", "Run guest code that reads the VMX capability MSRs without and with eVMCS, and compare with the model.") { subject, measured, device, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(subject), parsed.GetValue(measured), parsed.GetRequiredValue(device), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string name, string? measured, string device, bool json, string? output)
    {
        if (measured is not null && name == Live)
        {
            return terminal.RefuseUsage("--measured: name the snapshot of its host with --subject");
        }

        string? reason = null;
        using LiveSubject? live = name == Live ? LiveSubject.TryOpen(device, out reason) : null;
        if (live is null && name == Live)
        {
            return terminal.RefuseHost(reason!);
        }

        Reading<IReadOnlyList<ConformanceSubject>> model = live is null ? ModelSubjects.Of(terminal, name) : ModelSubjects.Of(live.Subject.Host);
        if (!model.Ok)
        {
            return terminal.Refuse(model.Fault);
        }

        ConformanceSubject asked = live?.Subject ?? model.Value[0];
        if (Lacking(asked) is { } lacking)
        {
            return terminal.RefuseHost(lacking);
        }

        Reading<RecordedViews>? recorded = measured is null ? null : Recorded(terminal, measured);
        if (recorded is { Ok: false } unreadable)
        {
            return terminal.Refuse(unreadable.Fault);
        }

        KvmAnswer<EvmcsComparison> table = recorded?.Value is { } views ? EvmcsComparison.Of(views.Views, model.Value[0]) : EvmcsComparison.Read(asked, model.Value[0]);
        asked = recorded is null ? asked : asked with { Name = "recorded", IsModel = false };
        return table.Ok
            ? Answer.Give(terminal, output, json, () => EvmcsTableReport.Json(asked, table.Value), () => EvmcsTableReport.Text(asked, table.Value), CodeOf(table.Value))
            : terminal.RefuseHost($"no vCPU with eVMCS can be had here: {table.WithoutValue()}{(table.Rule is { } rule ? $" ({rule.Id})" : "")}");
    }

    private static Reading<RecordedViews> Recorded(Terminal terminal, string name)
    {
        Reading<InputFile> file = InputFile.Read(terminal, name);
        return file.Ok ? EvmcsTableFile.Read(file.Value) : Reading.Refused<RecordedViews>(file.Fault);
    }

    private static string? Lacking(ConformanceSubject subject)
        => subject.Host.Capabilities?.Value.TryGetValue("KVM_CAP_HYPERV_ENLIGHTENED_VMCS", out long value) is true && value > 0 ? null
            : "KVM here has no eVMCS: it takes kvm_intel with nested=1 ('portolan lab run --oracle intel' has it)";

    /// <summary>A value that no guest read is a missing fact.</summary>
    private static ExitCode CodeOf(EvmcsComparison table) => !table.GuestRan ? ExitCode.Unknown : table.Ok ? ExitCode.Done : ExitCode.Incompatible;
}
