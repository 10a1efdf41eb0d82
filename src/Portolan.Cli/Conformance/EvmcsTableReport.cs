using Portolan.Cli.Frame;
using Portolan.Conformance;
using Portolan.Conformance.Evmcs;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Kvm.Behaviours;
using Portolan.X86.Msr;

namespace Portolan.Cli.Conformance;

/// <summary>What guests with eVMCS read, in words and as a document of schema <c>portolan/evmcs-visible/1</c>.</summary>
internal static class EvmcsTableReport
{
    /// <summary>Digits of a value; a refusal or a fault is shorter.</summary>
    private const int Digits = 16;

    /// <summary>A CPUID's word in the document.</summary>
    public static string Word(HypervLeaves hyperv) => hyperv switch
    {
        HypervLeaves.WithPerfGlobalCtrl => "ebx-1",
        HypervLeaves.WithoutPerfGlobalCtrl => "ebx-0",
        _ => "none",
    };

    public static TextReport Text(ConformanceSubject subject, EvmcsComparison table)
    {
        TextReport report = new();
        report.Heading($"{subject.Host.Name ?? subject.Name}  {subject.Host.KernelRelease?.Value}");
        EvmcsPair[][] columns = [.. Enum.GetValues<HypervLeaves>().Select(hyperv => table.Under(hyperv).ToArray())];
        report.Columns(
        [
            ["", "VMM", "guest, no Hyper-V leaves", "guest, 4000000AH:EBX[0]=0", "guest, 4000000AH:EBX[0]=1"],
            .. columns[0].Select((row, i) => (string[])[KnownMsrs.Describe(row.Kernel.Index), row.Kernel.HostAfter, .. columns.Select(column => column[i].Kernel.GuestAfter)]),
        ]);
        Before(report, table);
        if (subject.IsModel)
        {
            report.Line("this is the model's prediction: no code ran", LineTone.Faint);
            return report;
        }

        Differences(report, table);
        return report;
    }

    /// <summary>Before eVMCS is enabled guest and VMM are to read alike; and the VMM the same after.</summary>
    private static void Before(TextReport report, EvmcsComparison table)
    {
        EvmcsView[] hidden = [.. table.Pairs.Select(static pair => pair.Kernel).Where(static view => view.GuestBefore != view.HostBefore && view.HostBefore.Length == Digits)];
        EvmcsView[] moved = [.. table.Pairs.Select(static pair => pair.Kernel).Where(static view => view.HostBefore != view.HostAfter)];
        report.Line(hidden.Length == 0 ? "before eVMCS is enabled the guest reads what the VMM reads" : $"before eVMCS is enabled the guest reads otherwise than the VMM: {Names(hidden)}");
        report.Line(moved.Length == 0 ? "what the VMM reads does not change when eVMCS is enabled" : $"enabling eVMCS changes what the VMM reads: {Names(moved)}");
    }

    private static string Names(IEnumerable<EvmcsView> views) => string.Join(", ", views.Select(static view => KnownMsrs.Describe(view.Index)).Distinct());

    private static void Differences(TextReport report, EvmcsComparison table)
    {
        foreach (EvmcsPair pair in table.Pairs.Where(static pair => !pair.Equal))
        {
            report.Line(
                $"  {KnownMsrs.Describe(pair.Kernel.Index)} ({Word(pair.Kernel.Hyperv)}): kernel {Four(pair.Kernel)}; model {Four(pair.Model)}",
                pair.Ok ? LineTone.Doubtful : LineTone.Bad);
            report.Columns(pair.Reason is { } reason ? [["known", reason]] : [], LineTone.Doubtful, indent: 4);
        }

        int values = table.Pairs.Length * 4;
        int explained = table.Pairs.Count(static pair => pair is { Equal: false, Ok: true });
        report.Line(
            !table.GuestRan ? "guest code does not run here"
                : table.Ok ? $"{values} values, half of them read by guest code: as the model predicts{(explained == 0 ? "" : $", but for {explained} of {table.Pairs.Length} rows, which are explained")}"
                : $"{table.Pairs.Count(static pair => !pair.Ok)} of {table.Pairs.Length} rows are not as the model predicts",
            table.Ok ? LineTone.Good : LineTone.Bad);
    }

    private static string Four(EvmcsView view) => $"VMM {view.HostBefore}, guest {view.GuestBefore}; enabled: VMM {view.HostAfter}, guest {view.GuestAfter}";

    public static ReadOnlyMemory<byte> Json(ConformanceSubject subject, EvmcsComparison table)
    {
        using DocumentWriter writer = new(DocumentKind.EvmcsVisible);
        writer.Json.WriteBoolean("ok", table.Ok);
        writer.Json.WriteBoolean("guestRan", table.GuestRan);
        writer.Text("subject", subject.Name);
        writer.Text("host", subject.Host.Name);
        writer.Text("kernelRelease", subject.Host.KernelRelease?.Value);
        writer.Text("kvmModule", subject.Host.KvmModule?.Value);
        writer.Text("contentHash", HostSnapshotDocument.ContentHash(subject.Host));
        writer.Text("evmcsGeneration", GenerationTable.Of("evmcs", subject.Behaviours)?.Name);
        writer.Objects("guests", Enum.GetValues<HypervLeaves>(), hyperv =>
        {
            writer.Text("hyperv", Word(hyperv));
            writer.Objects("msrs", table.Under(hyperv), pair => WriteRow(writer, pair));
        });
        return writer.Finish();
    }

    private static void WriteRow(DocumentWriter writer, EvmcsPair pair)
    {
        writer.Hex("index", pair.Kernel.Index);
        writer.Text("name", KnownMsrs.Find(pair.Kernel.Index)?.Name);
        WriteView(writer, "kernel", pair.Kernel);
        if (pair.Equal)
        {
            writer.Json.WriteNull("model");
        }
        else
        {
            WriteView(writer, "model", pair.Model);
        }

        writer.Text("reason", pair.Reason);

    }

    private static void WriteView(DocumentWriter writer, string name, EvmcsView view)
    {
        writer.Json.WriteStartObject(name);
        writer.Text("vmmBefore", view.HostBefore);
        writer.Text("guestBefore", view.GuestBefore);
        writer.Text("vmmAfter", view.HostAfter);
        writer.Text("guestAfter", view.GuestAfter);
        writer.Json.WriteEndObject();
    }
}
