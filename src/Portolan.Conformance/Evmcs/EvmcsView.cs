using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Conformance.Evmcs;

/// <summary>One VMX capability MSR, read by the VMM and by code in the guest, before and after eVMCS is enabled on the vCPU.</summary>
/// <param name="Hyperv">What the guest's CPUID shows of Hyper-V.</param>
/// <param name="Index">The MSR.</param>
/// <param name="HostBefore">KVM_GET_MSRS before: 16 digits of hexadecimal, or an errno.</param>
/// <param name="GuestBefore">RDMSR in the guest before: 16 digits of hexadecimal, or a fault.</param>
/// <param name="HostAfter">KVM_GET_MSRS after.</param>
/// <param name="GuestAfter">RDMSR in the guest after.</param>
public sealed record EvmcsView(HypervLeaves Hyperv, uint Index, string HostBefore, string GuestBefore, string HostAfter, string GuestAfter);

/// <summary>What a guest with eVMCS reads of the VMX capability MSRs, beside what the VMM reads: on a kernel by running guest code, or on its model.</summary>
public static class EvmcsViews
{
    /// <summary>IA32_VMX_BASIC to IA32_VMX_VMFUNC, and the two MSRs after it that KVM gives no guest.</summary>
    public static ImmutableArray<uint> Indices { get; } =
        [.. Enumerable.Range((int)MsrIndex.Ia32VmxBasic, (int)(MsrIndex.Ia32VmxVmfunc - MsrIndex.Ia32VmxBasic) + 3).Select(static index => (uint)index)];

    /// <summary>Reads every MSR under every CPUID, each CPUID on a vCPU of its own. A call that makes such a vCPU and is refused is answered.</summary>
    /// <param name="system">KVM.</param>
    /// <param name="supported">KVM_GET_SUPPORTED_CPUID of its host.</param>
    public static KvmAnswer<ImmutableArray<EvmcsView>> Read(IKvmSystem system, CpuidTable supported)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(supported);
        List<EvmcsView> views = [];
        foreach (HypervLeaves hyperv in Enum.GetValues<HypervLeaves>())
        {
            KvmAnswer<IKvmVm> vm = system.CreateVm();
            if (!vm.Ok)
            {
                return vm.WithoutValue();
            }

            using IKvmVm machine = vm.Value;
            KvmAnswer<IKvmVcpu> created = machine.CreateVcpu(0);
            if (!created.Ok)
            {
                return created.WithoutValue();
            }

            using IKvmVcpu vcpu = created.Value;
            if (vcpu.SetCpuid2(EvmcsGuests.Table(supported, hyperv)) is { Ok: false } refused)
            {
                return refused;
            }

            (string Host, string Guest)[] before = [.. Indices.Select(index => Both(vcpu, index))];
            if (vcpu.EnableEnlightenedVmcs() is { Ok: false } absent)
            {
                return absent.WithoutValue();
            }

            views.AddRange(Indices.Select((index, i) =>
            {
                (string host, string guest) = Both(vcpu, index);
                return new EvmcsView(hyperv, index, before[i].Host, before[i].Guest, host, guest);
            }));
        }

        return views.ToImmutableArray();
    }

    private static (string Host, string Guest) Both(IKvmVcpu vcpu, uint index)
    {
        Span<MsrValue> entry = [new MsrValue(index, 0)];
        KvmAnswer<int> count = vcpu.GetMsrs(entry);
        string host = !count.Ok ? count.WithoutValue().ToString() : count.Value == 1 ? Hex(entry[0].Value) : "refused";
        GuestAnswer<ulong> guest = vcpu.Guest.Rdmsr(index);
        return (host, guest.Ok ? Hex(guest.Value) : guest.ToString());
    }

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);
}
