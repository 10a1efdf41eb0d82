using System.Globalization;
using Portolan.Conformance.Cases;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_ENABLE_CAP, KVM_SET_NESTED_STATE, KVM_SET_TSC_KHZ and KVM_SET_ONE_REG on a vCPU.</summary>
internal static class VcpuSteps
{
    private static readonly uint[] Capabilities =
    [
        KvmCapability.HypervSynic, KvmCapability.HypervSynic2, KvmCapability.HypervEnforceCpuid, KvmCapability.EnforcePvFeatureCpuid, KvmCapability.NestedState,
    ];

    public static DifferentialStep<IKvmVcpu> EnableCapability(Random random)
    {
        if (random.Next(3) == 0)
        {
            return new("KVM_ENABLE_CAP", "KVM_ENABLE_CAP KVM_CAP_HYPERV_ENLIGHTENED_VMCS", "KVM_CAP_HYPERV_ENLIGHTENED_VMCS", static vcpu => StepAnswer.Of(vcpu.EnableEnlightenedVmcs()));
        }

        uint capability = Capabilities[random.Next(Capabilities.Length)];
        ulong argument = (ulong)random.Next(2);
        string name = KvmCapability.NameOf(capability) ?? capability.ToString(CultureInfo.InvariantCulture);
        return new("KVM_ENABLE_CAP", $"KVM_ENABLE_CAP {name}", Words($"{name}, {argument}"), vcpu => StepAnswer.Of(vcpu.EnableCapability(capability, argument)));
    }

    /// <summary>States of either vendor: headers with flags, formats and sizes of all kinds, with a VMCS or VMCB or without.</summary>
    public static DifferentialStep<IKvmVcpu> Nested(Random random)
    {
        bool svm = random.Next(2) == 0, withData = random.Next(4) == 0;
        int size = withData ? NestedImage.WithData : NestedImage.Header;
        ushort flags = (ushort)(random.Next(3) == 0 ? random.Next(0x400) : random.Next(2) == 0 ? NestedImage.GifSet : 0);
        ulong address = random.Next(3) switch { 0 => NestedImage.None, 1 => (ulong)random.Next(16) << 12, _ => (ulong)random.NextInt64() };
        byte[] state = svm
            ? NestedImage.Svm(flags, size, address)
            : NestedImage.Vmx(flags, size, address, random.Next(2) == 0 ? NestedImage.None : (ulong)random.Next(16) << 12, (ushort)random.Next(random.Next(4) == 0 ? 4 : 1), (uint)random.Next(random.Next(4) == 0 ? 4 : 1));
        string claim = "";
        if (random.Next(5) == 0)
        {
            uint claimed = (uint)random.Next(size + 1);
            _ = NestedImage.Claiming(state, claimed);
            claim = Words($", claiming {claimed}");
        }

        return new(
            "KVM_SET_NESTED_STATE", Words($"KVM_SET_NESTED_STATE {(svm ? "SVM" : "VMX")} 0x{flags:x}"), Words($"{(svm ? "SVM" : "VMX")}, flags 0x{flags:x}, address 0x{address:x}, {size} bytes{claim}"),
            vcpu => StepAnswer.Of(vcpu.SetNestedState(state)));
    }

    /// <summary>Frequencies near the host's.</summary>
    public static DifferentialStep<IKvmVcpu> TscKhz(Random random, uint? host)
    {
        long own = host ?? 1_000_000;
        uint khz = random.Next(4) switch { 0 => 0, 1 => (uint)own, 2 => (uint)(own + own * random.Next(-300, 300) / 1_000_000), _ => (uint)(own * random.Next(50, 190) / 100) };
        return new("KVM_SET_TSC_KHZ", "KVM_SET_TSC_KHZ", Words($"{khz}"), vcpu => StepAnswer.Of(vcpu.SetTscKhz(khz)));
    }

    public static DifferentialStep<IKvmVcpu> OneReg(Random random)
    {
        ulong id = random.Next(3) == 0 ? KvmRegisterId.GuestSsp ^ 1UL << random.Next(64) : KvmRegisterId.GuestSsp, value = (ulong)random.Next() << 2;
        return new("KVM_SET_ONE_REG", "KVM_SET_ONE_REG", Words($"0x{id:x} = 0x{value:x}"), vcpu => StepAnswer.Of(vcpu.SetOneReg(id, value)));
    }

    private static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
