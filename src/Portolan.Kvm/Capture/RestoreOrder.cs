using System.Collections.Immutable;

namespace Portolan.Kvm.Capture;

/// <summary>An order in which a VMM restores a vCPU: one of the legal ones of contract C9.</summary>
/// <param name="Name">Whose order it is.</param>
/// <param name="Parts">The steps.</param>
/// <param name="Source">Where it is written down.</param>
public sealed record RestoreOrder(string Name, ImmutableArray<VcpuPart> Parts, string Source)
{
    /// <summary>
    /// QEMU's (kvm_arch_put_registers). The local APIC is a device of its own there; here it follows the APIC base that SREGS carries.
    /// </summary>
    public static RestoreOrder Qemu { get; } = new(
        "qemu",
        [
            VcpuPart.FeatureControl, VcpuPart.Sregs, VcpuPart.Lapic, VcpuPart.NestedState, VcpuPart.TscKhz, VcpuPart.Regs, VcpuPart.Xsave,
            VcpuPart.Xcrs, VcpuPart.Msrs, VcpuPart.VcpuEvents, VcpuPart.MpState, VcpuPart.TscDeadline, VcpuPart.DebugRegs,
        ],
        "contract C10; QEMU target/i386/kvm/kvm.c kvm_arch_put_registers");

    /// <summary>
    /// The kernel selftests' (vcpu_load_state), where all MSRs are one step; here the two that stand alone follow it. TSC_KHZ and the
    /// local APIC, which it does not have, stand where contract C9 demands them.
    /// </summary>
    public static RestoreOrder Selftest { get; } = new(
        "selftest",
        [
            VcpuPart.Sregs, VcpuPart.Lapic, VcpuPart.TscKhz, VcpuPart.FeatureControl, VcpuPart.Msrs, VcpuPart.TscDeadline, VcpuPart.Xcrs,
            VcpuPart.Xsave, VcpuPart.VcpuEvents, VcpuPart.MpState, VcpuPart.DebugRegs, VcpuPart.Regs, VcpuPart.NestedState,
        ],
        "contract C10; tools/testing/selftests/kvm/lib/x86_64/processor.c vcpu_load_state (kernel v6.12)");

    /// <summary>Both orders.</summary>
    public static ImmutableArray<RestoreOrder> All { get; } = [Qemu, Selftest];

    /// <summary>The parts that stand after one: what is never loaded if it fails and the VMM goes on (contract X35).</summary>
    public ImmutableArray<VcpuPart> After(VcpuPart part) => Parts[(Parts.IndexOf(part) + 1)..];
}

/// <summary>What a VMM does when a step of the restore fails. Either way no later step is done.</summary>
public enum RestorePolicy
{
    /// <summary>It reports the failure; the VM does not run at the destination (QEMU since 7191f24c7fcf).</summary>
    Reports,

    /// <summary>
    /// It drops the error and lets the VM run with what was loaded (QEMU 7.2, contract X35). A refused MSR stops even this VMM:
    /// QEMU asserts that all were written (contract I5).
    /// </summary>
    Ignores,
}
