using Portolan.Kvm.Clauses;

namespace Portolan.ContractPages;

/// <summary>A page of clauses.</summary>
/// <param name="File">Its file.</param>
/// <param name="Title">Its title.</param>
/// <param name="About">What it is about, in a sentence.</param>
/// <param name="Prefixes">The ids of its clauses begin so; the longest prefix of any area decides.</param>
internal sealed record ClauseArea(string File, string Title, string About, IReadOnlyList<string> Prefixes)
{
    /// <summary>The areas, in the order in which a VMM meets them.</summary>
    public static IReadOnlyList<ClauseArea> All { get; } =
    [
        new("xsave.md", "XSAVE", "The image that KVM_GET_XSAVE and KVM_SET_XSAVE exchange, and the components a process may give to guests.", ["xsave.", "permission.", "system."]),
        new("cpuid.md", "CPUID", "The table that KVM_SET_CPUID2 takes.", ["cpuid."]),
        new("xcr0.md", "XCR0", "The components that a guest has enabled.", ["xcrs.", "guest.osxsave"]),
        new("registers.md", "Registers and events", "Control registers, EFER, debug registers, pending events, the local APIC and registers that are reached one by one.", ["sregs.", "debugregs.", "events.", "mp-state.", "lapic.", "one-reg."]),
        new("msrs.md", "MSRs", "Which MSRs a VMM can save and restore, and which values KVM takes.", ["msr."]),
        new("vmx.md", "VMX capability MSRs", "What a VMM may restore into the MSRs that tell a guest hypervisor what VMX can do.", ["vmx.", "msr.vmx."]),
        new("evmcs.md", "Enlightened VMCS", "Hyper-V's enlightened VMCS for a guest hypervisor. The masks themselves are in [the table of filters](evmcs-filters.md).", ["evmcs."]),
        new("nested.md", "Nested state", "What KVM_SET_NESTED_STATE takes.", ["nested."]),
        new("hyperv-and-pv.md", "Hyper-V and PV features", "What a guest was promised of this hypervisor itself.", ["promise.hyperv", "promise.kvm-pv", "msr.pv-feature", "cpuid.hyperv."]),
        new("tsc.md", "TSC and clocks", "Time.", ["tsc.", "clock.", "vm.clock", "order.tsc-frequency"]),
        new("promises.md", "What the guest was promised", "What no ioctl compares: the CPU that the guest read at boot against the host it would run on.", ["promise."]),
        new("vm.md", "The VM", "Capabilities, memory and the interrupt controller.", ["vm.", "capability."]),
        new("order.md", "Order, and what a VMM does", "The sequence of a restore, and the VMM's own part.", ["order.", "vmm.", "guest.confidential", "id."]),
        new("evidence.md", "Evidence and policy", "Rules of the check itself.", ["evidence.", "policy."]),
    ];

    /// <summary>The area of a clause.</summary>
    /// <exception cref="InvalidOperationException">No area's prefix fits.</exception>
    public static ClauseArea Of(Clause clause)
    {
        (ClauseArea Area, int Length)? best = null;
        foreach (ClauseArea area in All)
        {
            foreach (string prefix in area.Prefixes.Where(prefix => clause.Rule.Id.StartsWith(prefix, StringComparison.Ordinal)))
            {
                best = best is { } other && other.Length >= prefix.Length ? best : (area, prefix.Length);
            }
        }

        return best?.Area ?? throw new InvalidOperationException($"no page takes the clause {clause.Rule.Id}: give it one in {nameof(ClauseArea)}");
    }
}
