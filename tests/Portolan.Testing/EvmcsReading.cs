namespace Portolan.Testing;

/// <summary>One VMX capability MSR as a guest and the host read it.</summary>
/// <param name="Configuration">The configuration's name.</param>
/// <param name="HypervCpuid">0: none, 1: with CPUID.4000000AH:EBX[0], 2: with that bit cleared.</param>
/// <param name="Enabled">Was KVM_CAP_HYPERV_ENLIGHTENED_VMCS enabled?</param>
/// <param name="Index">The MSR.</param>
/// <param name="Guest">What the guest's RDMSR answered; null for #GP.</param>
/// <param name="Host">What KVM_GET_MSRS answered; null where it refused.</param>
public sealed record EvmcsReading(string Configuration, int HypervCpuid, bool Enabled, uint Index, ulong? Guest, ulong? Host);
