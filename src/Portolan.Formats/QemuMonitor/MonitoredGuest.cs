using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.QemuMonitor;

/// <summary>What a running QEMU's monitor tells of its first vCPU.</summary>
/// <param name="Version">QEMU's version: <c>7.2.22</c>.</param>
/// <param name="TypeName">The vCPU's type: <c>EPYC-v4-x86_64-cpu</c>.</param>
/// <param name="Cpu">The vCPU.</param>
/// <param name="Filtered">Bits of CPUID that were asked for and that QEMU dropped, leaf by leaf.</param>
/// <param name="Unavailable">QEMU's names of features that were asked for and dropped, MSR bits included.</param>
/// <param name="Vcpus">How many vCPUs there are.</param>
public sealed record MonitoredGuest(string Version, string TypeName, QemuRunningCpu Cpu, CpuidTable Filtered, ImmutableArray<string> Unavailable, int Vcpus)
{
    /// <summary>One line each: who runs it, and what QEMU dropped.</summary>
    public IEnumerable<string> Remarks()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"QEMU {Version} runs {TypeName} on {(Cpu.Kvm ? "KVM" : "TCG, whose CPU no KVM host makes")}, {Vcpus} vCPUs");
        string[] gone = [.. Unavailable.Concat(QemuRunningCpu.Named(Filtered)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (gone.Length > 0)
        {
            yield return $"QEMU dropped what was asked for: {string.Join(", ", gone)}";
        }
    }
}
