using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Cli.Host;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Kvm.Guest;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Guest;

/// <summary>A guest contract in words.</summary>
internal static class GuestReport
{
    public static TextReport Of(GuestContract guest)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine(guest.Name ?? "guest contract"));
        report.Columns([
            ["content", GuestContractDocument.ContentHash(guest)],
            ["CPU", CpuidReport.Identity(guest.Cpuid)],
            ["machine", Printable.OneLine(guest.MachineType ?? "any")],
            ["TSC kHz", guest.TscKhz?.ToString(CultureInfo.InvariantCulture) ?? "not fixed"],
            ["eVMCS", guest.EnlightenedVmcs ? "enabled" : "not enabled"],
            ["permission", XFeatureTable.Names(guest.GuestPermission)],
        ]);
        Settings(report, guest.Settings);
        report.Heading("State components");
        report.Columns([["XCR0", XFeatureTable.Names(guest.PromisedXcr0)], ["IA32_XSS", XFeatureTable.Names(guest.PromisedXss)]]);
        CpuidReport.Components(report, guest.Cpuid);
        CpuidReport.Features(report, "Features promised", guest.Cpuid, null);
        MsrReport.Features(report, guest.FeatureMsrs);
        return report;
    }

    private static void Settings(TextReport report, VmSettings settings)
    {
        report.Heading("Settings of the VM");
        report.Columns([
            ["quirks disabled", HexText.Of(settings.DisabledQuirks)],
            ["X2APIC_API", HexText.Of(settings.X2ApicApi)],
            ["exception payload", Word(settings.ExceptionPayload)],
            ["triple-fault event", Word(settings.TripleFaultEvent)],
            ["PV CPUID enforced", Word(settings.EnforcePvFeatureCpuid)],
            ["Hyper-V CPUID enforced", Word(settings.EnforceHypervCpuid)],
        ]);
    }

    private static string Word(bool on) => on ? "on" : "off";
}
