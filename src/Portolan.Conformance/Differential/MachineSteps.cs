using System.Globalization;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>What is asked of a VM before it has vCPUs.</summary>
internal static class MachineSteps
{
    private static readonly uint[] Capabilities = [KvmCapability.X2apicApi, KvmCapability.ExceptionPayload, KvmCapability.X86TripleFaultEvent, KvmCapability.DisableQuirks2, KvmCapability.UserMemory];

    /// <summary>One of them.</summary>
    public static DifferentialStep<IKvmVm> Next(Random random)
    {
        switch (random.Next(5))
        {
            case 0 or 1:
                return new("KVM_CREATE_IRQCHIP", "KVM_CREATE_IRQCHIP", "", static vm => StepAnswer.Of(vm.CreateIrqChip()));
            case 2:
                KvmClock clock = new((ulong)random.Next(), random.Next(2) == 0 ? 0u : (uint)random.Next(16));
                return new("KVM_SET_CLOCK", "KVM_SET_CLOCK", string.Create(CultureInfo.InvariantCulture, $"flags {clock.Flags}"), vm => StepAnswer.Of(vm.SetClock(clock)));
            default:
                uint capability = Capabilities[random.Next(Capabilities.Length)];
                ulong argument = random.Next(3) == 0 ? 1UL << random.Next(16) : (ulong)random.Next(4);
                string name = KvmCapability.NameOf(capability) ?? capability.ToString(CultureInfo.InvariantCulture);
                return new(
                    "KVM_ENABLE_CAP", $"KVM_ENABLE_CAP {name}", string.Create(CultureInfo.InvariantCulture, $"{name}, 0x{argument:x}"),
                    vm => StepAnswer.Of(vm.EnableCapability(capability, argument)));
        }
    }
}
