using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Formats.InstLatx64;

/// <summary>
/// Reads a text of InstLatx64: the CPUID of every logical CPU, and some of their MSRs, as the program saw them on the bare machine.
/// Of several CPUs one is taken, and the others are compared with it.
/// </summary>
public static class InstLatx64Import
{
    /// <summary>Reads a dump: the CPU's own CPUID, the MSRs that enumerate features, the microcode revision.</summary>
    /// <param name="request">The file: lines of text, ended by LF or CRLF.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        InstLatx64Parser parser = new(request.File);
        if ((parser.Parse(request.Bytes.Span) is { } fault) || !parser.Cpus.TryChoose(request, out RecordedCpu? chosen, out fault))
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        IReadOnlyList<RecordedCpu> cpus = parser.Cpus.Filled;
        string which = chosen.Number is { } n && cpus.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $", CPU {n}") : "";
        Evidence evidence = new(EvidenceQuality.Recorded, ForeignFormat.InstLatx64.Tool + which);
        bool nameless = parser.WithNamelessComponents.Contains(chosen);
        CpuidTable table = chosen.Table();
        MsrTable msrs = chosen.FeatureMsrs() is { Count: > 0 } own ? own : parser.Machine.FeatureMsrs();
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new Fact<CpuidTable>(table, evidence),
            UnknownNativeBits = nameless ? UnknownComponents(table) : null,
            NativeMsrs = msrs.Count == 0 ? null : new Fact<MsrTable>(msrs, evidence),
            Microcode = Microcode(table, chosen, parser.Machine) is { } revision ? new Fact<string>(revision, evidence) : null,
        };
        ImmutableArray<string> remarks =
        [
            .. VirtualMachine.Remarks(table),
            .. nameless ? ["the rows of leaf 0DH do not say which component each is of: their places are unknown"] : Array.Empty<string>(),
            .. CpuKinds.Remarks(cpus, chosen),
        ];
        return Reading.Of(new ImportedHost(snapshot, remarks));
    }

    /// <summary>
    /// IA32_BIOS_SIGN_ID holds the revision in its high half on Intel's processors (SDM vol. 3A, 11.11.7), in its low half on AMD's
    /// (APM vol. 2, PATCH_LEVEL).
    /// </summary>
    private static string? Microcode(CpuidTable table, RecordedCpu cpu, RecordedCpu machine)
    {
        if (!cpu.TryMsr(MsrIndex.Ia32BiosSignId, out ulong value) && !machine.TryMsr(MsrIndex.Ia32BiosSignId, out value))
        {
            return null;
        }

        uint? revision = CpuLineTable.VendorOf(table) switch
        {
            CpuidVendor.Intel => (uint)(value >> 32),
            CpuidVendor.Amd => (uint)(value & uint.MaxValue),
            _ => null,
        };
        return revision is null or 0 ? null : string.Create(CultureInfo.InvariantCulture, $"0x{revision:x}");
    }

    private static CpuidTable UnknownComponents(CpuidTable table)
    {
        CpuidValues all = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
        IEnumerable<uint> subleaves = XsaveLeaf.Xcr0(table).Except(XFeatureMask.Legacy).Components().Select(static component => (uint)component).Prepend(1u);
        return CpuidTable.From(subleaves.Distinct().Select(subleaf => new CpuidEntry(new CpuidAddress(XsaveLeaf.Leaf, subleaf), true, all)));
    }
}
