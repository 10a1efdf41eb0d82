using System.Globalization;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.CpuidRaw;

/// <summary>
/// Reads the output of Todd Allen's <c>cpuid -r</c>: the CPU's own CPUID as a program on that host sees it. Of several CPUs one is
/// taken, and the others are compared with it.
/// </summary>
public static class CpuidRawImport
{
    /// <summary>Reads a dump. Everything but the native CPUID stays unknown.</summary>
    /// <param name="request">The file: ASCII lines, ended by LF or CRLF.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CpuidRawParser parser = new(request.File);
        if ((parser.Parse(request.Bytes.Span) is { } fault) || !parser.Cpus.TryChoose(request, out RecordedCpu? chosen, out fault))
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        IReadOnlyList<RecordedCpu> cpus = parser.Cpus.Filled;
        string which = chosen.Number is { } n && cpus.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $", CPU {n}") : "";
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new Fact<CpuidTable>(chosen.Table(), new Evidence(EvidenceQuality.Recorded, ForeignFormat.CpuidRaw.Tool + which)),
        };
        return Reading.Of(new ImportedHost(snapshot, [.. VirtualMachine.Remarks(chosen.Table()), .. CpuKinds.Remarks(cpus, chosen)]));
    }
}
