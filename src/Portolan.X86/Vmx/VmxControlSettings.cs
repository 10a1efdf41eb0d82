namespace Portolan.X86.Vmx;

/// <summary>The VM-execution, VM-exit and VM-entry controls of one VMCS (SDM vol. 3C, 26.6 to 26.8).</summary>
/// <param name="PinBased">Pin-based VM-execution controls, VMCS 4000H.</param>
/// <param name="Primary">Primary processor-based VM-execution controls, VMCS 4002H.</param>
/// <param name="Secondary">Secondary processor-based VM-execution controls, VMCS 401EH.</param>
/// <param name="Exit">Primary VM-exit controls, VMCS 400CH.</param>
/// <param name="Entry">VM-entry controls, VMCS 4012H.</param>
/// <param name="VmFunctions">VM-function controls, VMCS 2018H.</param>
public readonly record struct VmxControlSettings(
    uint PinBased, uint Primary, uint Secondary, uint Exit, uint Entry, ulong VmFunctions);
