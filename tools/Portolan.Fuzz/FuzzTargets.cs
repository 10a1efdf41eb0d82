using Portolan.Documents.Lint;
using Portolan.Formats;
using Portolan.Formats.CloudHypervisor;
using Portolan.Formats.QemuCpu;
using Portolan.Testing;

namespace Portolan.Fuzz;

/// <summary>The parsers that are fuzzed. Another one is another line.</summary>
public static class FuzzTargets
{
    /// <summary>All of them: every format of hosts, then what stands on its own.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        .. ForeignFormat.All.Select(FuzzTarget.Of),
        FuzzTarget.OfBytes("recognition", static _ => true, static bytes => FormatRecognition.Read(new ImportRequest("fuzz", bytes))),
        FuzzTarget.OfText("qemu-cpu", ["Skylake-Server-v4,+vmx,-pku,hv-relaxed=on,phys-bits=46", "host,migratable=off,hv-evmcs,vmx-ept=off", "max,tsc-frequency=2000000000,enforce"], QemuCpuParser.Read),
        new("libvirt-domain", GuestFuzz.Seeds("domain-"), GuestFuzz.ParseDomain),
        new("firecracker-template", GuestFuzz.Seeds("firecracker-template"), GuestFuzz.ParseTemplate),
        new("cloud-hypervisor", [CloudHypervisorFile.Of(CloudHypervisorFile.Example)], static bytes => CloudHypervisorSnapshot.Read(new ImportRequest("fuzz", bytes)).Fault),
        new("save-set", GuestFuzz.Seeds("save-set"), static bytes => SaveSetDocument.Read("fuzz", bytes).Fault),
        new("stream", StreamFuzz.Seeds(), StreamFuzz.Parse),
    ];
}
