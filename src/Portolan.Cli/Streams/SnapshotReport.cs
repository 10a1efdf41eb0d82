using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats.CloudHypervisor;
using Portolan.Kvm.State;

namespace Portolan.Cli.Streams;

/// <summary>A Cloud Hypervisor snapshot in words.</summary>
internal static class SnapshotReport
{
    public static TextReport Of(string name, CloudHypervisorSnapshot snapshot)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine($"{name}: Cloud Hypervisor snapshot, {N(snapshot.State.Vcpus.Length)} vCPUs, {N(snapshot.FeatureMsrs.Count)} feature MSRs"));
        foreach (VcpuState vcpu in snapshot.State.Vcpus)
        {
            CloudHypervisorVcpu words = new(vcpu);
            report.Heading($"vCPU {N(vcpu.Id)}");
            report.Columns(
            [
                ["XCR0", VcpuWords.Components(words.Xcr0)],
                ["XSTATE_BV", VcpuWords.Components(words.XstateBv)],
                ["CPUID", $"{N(vcpu.Cpuid!.Count)} rows"],
                ["TSC", vcpu.TscKhz is { } khz ? $"{N(khz)} kHz" : "not told"],
                ["nested", vcpu.Nested.IsEmpty ? "none" : $"{N(vcpu.Nested.Length)} bytes"],
                ["MSRs", N(vcpu.Msrs.Length)],
            ]);
        }

        return report;
    }

    private static string N(long number) => number.ToString(CultureInfo.InvariantCulture);
}
