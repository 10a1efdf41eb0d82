using System.Collections.Immutable;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Probing;

/// <summary>Asks a kernel everything a host snapshot holds. What an ioctl refuses stays unknown.</summary>
public static class HostRecorder
{
    /// <summary>Records the host behind <paramref name="system"/>.</summary>
    /// <param name="system">The kernel, or a model of one.</param>
    /// <param name="environment">What the host says of itself beside /dev/kvm.</param>
    /// <param name="takenAt">When.</param>
    public static HostSnapshot Record(IKvmSystem system, HostEnvironment environment, DateTimeOffset? takenAt)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(environment);
        KernelRelease? release = KernelRelease.TryParse(environment.KernelRelease, environment.KernelVersion, out KernelRelease parsed) ? parsed : null;
        HostClassification classification = HostClassification.Measure(system, release);
        return WithVcpuFacts(system, WithEnvironment(environment, WithMsrs(system, new HostSnapshot
        {
            Name = environment.HostName,
            TakenAt = takenAt,
            SupportedCpuid = Ask(system.GetSupportedCpuid(), "KVM_GET_SUPPORTED_CPUID"),
            EmulatedCpuid = Ask(system.GetEmulatedCpuid(), "KVM_GET_EMULATED_CPUID"),
            HypervCpuid = Ask(system.GetSupportedHvCpuid(), "KVM_GET_SUPPORTED_HV_CPUID") ?? HypervCpuidOfVcpu(system),
            Capabilities = Capabilities(system),
            SupportedXcr0 = SupportedXcr0(system),
            GuestPermission = Ask(system.GetXcompGuestPermission(), "arch_prctl(ARCH_GET_XCOMP_GUEST_PERM)"),
            SupportedXss = SupportedXss(system),
            Behaviours = classification.Behaviours,
        })));
    }

    private static HostSnapshot WithEnvironment(HostEnvironment environment, HostSnapshot snapshot) => snapshot with
    {
        NativeCpuid = Known(environment.NativeCpuid, "CPUID"),
        KernelRelease = Known(environment.KernelRelease, "/proc/sys/kernel/osrelease"),
        KernelVersion = Known(environment.KernelVersion, "/proc/sys/kernel/version"),
        Microcode = Known(environment.Microcode, "/proc/cpuinfo"),
        KvmModule = Known(environment.KvmModule, "/sys/module"),
        ModuleParameters = Known(environment.ModuleParameters, "/sys/module"),
        BootId = Known(environment.BootId, "/proc/sys/kernel/random/boot_id"),
        Vmm = Known(environment.Vmm, "the VMM's --version"),
        MachineTypes = environment.MachineTypes is { } types ? new(types, Measured("the VMM's -machine help")) : null,
    };

    private static HostSnapshot WithMsrs(IKvmSystem system, HostSnapshot snapshot)
    {
        KvmAnswer<ImmutableArray<uint>> features = system.GetMsrFeatureIndexList();
        KvmAnswer<ImmutableArray<uint>> saved = system.GetMsrIndexList();
        return snapshot with
        {
            SavedMsrs = Ask(saved.Ok ? saved.Value.Sort() : saved, "KVM_GET_MSR_INDEX_LIST"),
            FeatureMsrIndices = Ask(features.Ok ? features.Value.Sort() : features, "KVM_GET_MSR_FEATURE_INDEX_LIST"),
            FeatureMsrs = features.Ok ? new(ReadFeatureMsrs(system, features.Value), Measured("KVM_GET_MSRS on the system fd")) : null,
        };
    }

    /// <summary>One by one, so that an MSR the kernel lists and cannot read does not hide those after it.</summary>
    private static MsrTable ReadFeatureMsrs(IKvmSystem system, ImmutableArray<uint> indices)
    {
        List<MsrValue> values = [];
        Span<MsrValue> entry = stackalloc MsrValue[1];
        foreach (uint index in indices)
        {
            entry[0] = new MsrValue(index, 0);
            if (system.GetMsrs(entry) is { Ok: true, Value: 1 })
            {
                values.Add(entry[0]);
            }
        }

        return MsrTable.From(values);
    }

    private static HostSnapshot WithVcpuFacts(IKvmSystem system, HostSnapshot snapshot)
    {
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system);
        if (!created.Ok)
        {
            return snapshot;
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer<ulong> swReserved = vcpu.GetSwReserved();
        return snapshot with
        {
            MxcsrMask = vcpu.FindMxcsrMask() is { } mxcsr ? new(mxcsr, Measured("KVM_SET_XSAVE, bit by bit")) : null,
            HostXcr0 = swReserved is { Ok: true, Value: not 0 } ? new(new XFeatureMask(swReserved.Value), Measured("bytes 464 to 471 of KVM_GET_XSAVE")) : null,
            TscKhz = Ask(vcpu.Vcpu.GetTscKhz(), "KVM_GET_TSC_KHZ"),
        };
    }

    /// <summary>
    /// Before 5.11 only a vCPU tells Hyper-V's leaves (contract E18): one with the in-kernel LAPIC, and with eVMCS enabled where the
    /// kernel has it, shows what the system's later do.
    /// </summary>
    private static Fact<CpuidTable>? HypervCpuidOfVcpu(IKvmSystem system)
    {
        KvmAnswer<IKvmVm> created = system.CreateVm();
        if (!created.Ok)
        {
            return null;
        }

        using IKvmVm vm = created.Value;
        _ = vm.CreateIrqChip();
        KvmAnswer<IKvmVcpu> vcpu = vm.CreateVcpu(0);
        if (!vcpu.Ok)
        {
            return null;
        }

        using (vcpu.Value)
        {
            _ = vcpu.Value.EnableEnlightenedVmcs();
            return Ask(vcpu.Value.GetSupportedHvCpuid(), "KVM_GET_SUPPORTED_HV_CPUID of a vCPU");
        }
    }

    private static Fact<ImmutableSortedDictionary<string, long>> Capabilities(IKvmSystem system)
    {
        ImmutableSortedDictionary<string, long>.Builder answers = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (CapabilityFact capability in KvmCapability.All)
        {
            if (system.CheckExtension(capability.Number) is { Ok: true } answer)
            {
                answers[capability.Name] = answer.Value;
            }
        }

        return new(answers.ToImmutable(), Measured("KVM_CHECK_EXTENSION"));
    }

    private static Fact<XFeatureMask> SupportedXcr0(IKvmSystem system)
        => new(XsaveProbes.SupportedXcr0(system), Measured(system.GetXcompGuestSupp().Ok
            ? "KVM_GET_DEVICE_ATTR(KVM_X86_XCOMP_GUEST_SUPP)"
            : "KVM_GET_SUPPORTED_CPUID, leaf 0DH"));

    private static Fact<XFeatureMask>? SupportedXss(IKvmSystem system)
    {
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        return supported.Ok ? new(XsaveLeaf.Xss(supported.Value), Measured("KVM_GET_SUPPORTED_CPUID, leaf 0DH subleaf 1")) : null;
    }

    private static Fact<T>? Ask<T>(KvmAnswer<T> answer, string how) => answer.Ok ? new(answer.Value, Measured(how)) : null;

    private static Fact<T>? Known<T>(T? value, string how)
        where T : class
        => value is null ? null : new(value, Measured(how));

    private static Evidence Measured(string how) => new(EvidenceQuality.Measured, how);
}
