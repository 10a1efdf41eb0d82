using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Formats.CloudHypervisor;

/// <summary>
/// The vCPUs in the <c>state.json</c> of a Cloud Hypervisor snapshot: a tree of components (cloud-hypervisor vm-migration/src/lib.rs, Snapshot) in which
/// every leaf has its state as a text that is JSON again; vCPU N is the component N of <c>cpu-manager</c> (vmm/src/cpu.rs). Its devices are not read.
/// </summary>
/// <param name="State">The vCPUs, by id. Their feature MSRs are in <see cref="FeatureMsrs"/>.</param>
/// <param name="FeatureMsrs">The MSRs of the first vCPU that enumerate features.</param>
public sealed record CloudHypervisorSnapshot(GuestState State, MsrTable FeatureMsrs)
{
    /// <summary>The file's name in the folder that a snapshot is.</summary>
    public const string FileName = "state.json";

    private const string CpusPath = "$.snapshots[\"cpu-manager\"].snapshots";
    private const string FixAdvice = "give the state.json that Cloud Hypervisor wrote for a VM of KVM on x86-64";

    /// <summary>
    /// What the guest was promised: the CPUID of its first vCPU and the feature MSRs that it read. Cloud Hypervisor asks for the dynamic components that
    /// it promises (hypervisor/src/arch/x86/mod.rs).
    /// </summary>
    public GuestContract Contract
    {
        get
        {
            CpuidTable cpuid = State.Vcpus[0].Cpuid!;
            return new GuestContract { Cpuid = cpuid, FeatureMsrs = FeatureMsrs, GuestPermission = XsaveLeaf.Xcr0(cpuid) & XFeatureTable.Dynamic };
        }
    }

    /// <summary>Reads the file; the fault has the place in it, through the text of a vCPU's state.</summary>
    /// <param name="request">The file.</param>
    public static Reading<CloudHypervisorSnapshot> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Reading<JsonValue> parsed = JsonParser.Parse(request.File, request.Bytes);
        if (!parsed.Ok)
        {
            return Reading.Refused<CloudHypervisorSnapshot>(parsed.Fault);
        }

        if (parsed.Value["snapshots"]?["cpu-manager"]?["snapshots"] is not { Kind: JsonKind.Object, Members.Count: > 0 } cpus)
        {
            return Refused(request, parsed.Value, CpusPath, "a vCPU", "none");
        }

        SortedDictionary<uint, VcpuState> vcpus = [];
        foreach (JsonMember member in cpus.Members)
        {
            string path = $"{CpusPath}[{Printable.Quote(member.Name)}]";
            if (!uint.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) || vcpus.ContainsKey(id))
            {
                return Refused(request, member.Value, path, "a vCPU's number, each once", Printable.Quote(member.Name));
            }

            path += ".snapshot_data.state";
            if (member.Value["snapshot_data"]?["state"] is not { Kind: JsonKind.String } text)
            {
                return Refused(request, member.Value, path, "the vCPU's state, a text as Cloud Hypervisor writes it since its pull request 6371", "no such text");
            }

            Reading<VcpuState> vcpu = ReadVcpu(request.File, text, path, id);
            if (!vcpu.Ok)
            {
                return Reading.Refused<CloudHypervisorSnapshot>(vcpu.Fault);
            }

            vcpus.Add(id, vcpu.Value);
        }

        return Reading.Of(Of([.. vcpus.Values]));
    }

    /// <summary>
    /// A feature MSR is no state: its value is what the guest was promised. Cloud Hypervisor writes those that KVM lists back with the others, and goes on
    /// where KVM refuses one (hypervisor/src/kvm/mod.rs, set_state).
    /// </summary>
    private static CloudHypervisorSnapshot Of(ImmutableArray<VcpuState> vcpus) => new(
        new GuestState { Vcpus = [.. vcpus.Select(static vcpu => vcpu with { Msrs = [.. vcpu.Msrs.Where(static msr => !IsFeature(msr))] })] },
        MsrTable.From(vcpus[0].Msrs.Where(IsFeature)));

    private static bool IsFeature(MsrValue msr) => KnownMsrs.Find(msr.Index) is { Kind: MsrKind.Feature or MsrKind.VmxCapability };

    /// <summary>The text within the text: a fault stands at the text's place, and its path goes on within it.</summary>
    private static Reading<VcpuState> ReadVcpu(string file, JsonValue text, string path, uint id)
    {
        ReadOnlyMemory<byte> bytes = Encoding.UTF8.GetBytes(text.Text);
        Reading<JsonValue> inner = JsonParser.Parse(file, bytes);
        DocumentScope scope = new(file, bytes);
        VcpuState? state = inner.Ok ? VcpuStateReader.Read(new ObjectCursor(scope, inner.Value, "$"), id) : null;
        return (inner.Fault ?? scope.Fault) is { } fault
            ? Reading.Refused<VcpuState>(fault with { Line = null, ByteOffset = text.Offset, JsonPath = path + fault.JsonPath?[1..] })
            : Reading.Of(state!);
    }

    private static Reading<CloudHypervisorSnapshot> Refused(ImportRequest request, JsonValue at, string path, string expected, string found)
        => Reading.Refused<CloudHypervisorSnapshot>(new InputFault(request.File, expected, found, FixAdvice) { ByteOffset = at.Offset, JsonPath = Printable.OneLine(path) });
}
