using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Host;

/// <summary>A host snapshot in words.</summary>
internal static class HostReport
{
    public static TextReport Of(HostSnapshot host)
    {
        TextReport report = new();
        Identity(report, host);
        StateComponents(report, host);
        CpuidReport.Features(report, "Features KVM supports", host.SupportedCpuid?.Value, host.UnknownCpuidBits);
        if (host.SupportedCpuid is null)
        {
            CpuidReport.Features(report, "Features of the CPU", host.NativeCpuid?.Value, host.UnknownNativeBits);
        }

        CpuidReport.Features(report, "Hyper-V features KVM supports", host.HypervCpuid?.Value, null);
        MsrReport.Features(report, host);
        MsrReport.Native(report, host);
        Capabilities(report, host);
        Behaviours(report, host);
        return report;
    }

    private static void Identity(TextReport report, HostSnapshot host)
    {
        report.Heading(Printable.OneLine(host.Name ?? "host snapshot"));
        List<string[]> rows = [["content", HostSnapshotDocument.ContentHash(host)]];
        if (host.TakenAt is { } date)
        {
            rows.Add(["taken", date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)]);
        }

        rows.Add(["CPU", host.AnyCpuid is { } cpuid ? CpuidReport.Identity(cpuid) : SnapshotWords.Unknown]);
        rows.Add(["CPU line", CpuLine(host)]);
        Add(rows, "kernel", host.KernelRelease);
        Add(rows, "version", host.KernelVersion);
        Add(rows, "microcode", host.Microcode);
        Add(rows, "module", host.KvmModule);
        Add(rows, "VMM", host.Vmm);
        Add(rows, "TSC kHz", host.TscKhz);
        foreach ((string name, string value) in host.ModuleParameters?.Value ?? ImmutableSortedDictionary<string, string>.Empty)
        {
            rows.Add(["parameter", Printable.OneLine($"{name}={value}")]);
        }

        report.Columns(rows);
    }

    private static string CpuLine(HostSnapshot host) => HostCpu.IdentityOf(host) switch
    {
        { Line: { } line } => line.Name,
        { Against: { } against } => $"no hardware known: {against}",
        _ => SnapshotWords.Unknown,
    };

    private static void StateComponents(TextReport report, HostSnapshot host)
    {
        report.Heading("State components");
        List<string[]> rows = [];
        Add(rows, "XCR0 (S)", host.SupportedXcr0, XFeatureTable.Names);
        Add(rows, "IA32_XSS", host.SupportedXss, XFeatureTable.Names);
        Add(rows, "permission", host.GuestPermission, XFeatureTable.Names);
        Add(rows, "host XCR0", host.HostXcr0, XFeatureTable.Names);
        Add(rows, "MXCSR_MASK", host.MxcsrMask, static mask => string.Create(CultureInfo.InvariantCulture, $"0x{mask:x}"));
        report.Columns(rows);
        CpuidReport.Components(report, host.AnyCpuid);
    }

    private static void Capabilities(TextReport report, HostSnapshot host)
    {
        report.Heading("KVM capabilities");
        if (host.Capabilities is not { } capabilities)
        {
            report.Line($"  {SnapshotWords.Unknown}", LineTone.Doubtful);
            return;
        }

        report.Columns(capabilities.Value
            .Where(static row => row.Value != 0)
            .Select(static row => new[] { Printable.OneLine(row.Key), row.Value.ToString(CultureInfo.InvariantCulture) }));
    }

    private static void Behaviours(TextReport report, HostSnapshot host)
    {
        KvmBehaviours known = KvmBehaviours.Of(host);
        report.Heading("Behaviours");
        if (host.Behaviours.IsEmpty)
        {
            string release = KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out _)
                ? "; the release tells some of them where a verdict needs them"
                : "";
            report.Line($"  {SnapshotWords.Unknown}{release}", LineTone.Doubtful);
            return;
        }

        report.Columns([
            ["XSAVE generation", GenerationTable.Of("xsave", known)?.Name ?? SnapshotWords.Unknown],
            ["eVMCS generation", GenerationTable.Of("evmcs", known)?.Name ?? SnapshotWords.Unknown],
            .. host.Behaviours.Select(static row => new[] { Printable.OneLine(row.Key), Printable.OneLine(row.Value.Value), SnapshotWords.Of(row.Value.Evidence) }),
        ]);
    }

    private static void Add<T>(List<string[]> rows, string name, Fact<T>? fact, Func<T, string>? text = null)
        => rows.Add(fact is null
            ? [name, SnapshotWords.Unknown]
            : [name, Printable.OneLine(text is null ? string.Create(CultureInfo.InvariantCulture, $"{fact.Value}") : text(fact.Value)), SnapshotWords.Of(fact.Evidence)]);
}
