using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.State;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Kvm.Model.Registers;

/// <summary>Which system registers KVM_SET_SREGS accepts (contract C8). Null is accepted.</summary>
internal static class SystemRegisterRules
{
    private static readonly ulong Cr4Known = Cr4Basic | Known(Cr4Features);
    private static readonly ulong EferKnown = Known(EferFeatures);

    /// <summary>The first rule violated.</summary>
    public static RefusalRule? Violated(in KvmSystemRegisters registers, GuestCpuid guest, ModelHost host, ulong apicBase, bool vmxon, bool hasCpuid)
        => Modes(registers, guest)
            ?? Cr4(registers.Cr4, guest, host, vmxon, hasCpuid)
            ?? Cr0(registers.Cr0)
            ?? EferOfSregs(registers.Efer, guest, host)
            ?? ApicBase(registers.ApicBase, apicBase, guest, host);

    /// <summary>CR0 alone.</summary>
    public static RefusalRule? Cr0(ulong cr0)
        => cr0 > uint.MaxValue || (cr0 & (Cr0Nw | Cr0Cd)) == Cr0Nw || (cr0 & (Cr0Pg | Cr0Pe)) == Cr0Pg ? ClauseTable.SregsCr0 : null;

    /// <summary>EFER by KVM_SET_SREGS: KVM did not always look at more than the modes.</summary>
    private static RefusalRule? EferOfSregs(ulong efer, GuestCpuid guest, ModelHost host)
        => host.Behaviours.SregsEfer == SregsEfer.ModesOnly || (Efer(efer, host) ?? GuestEfer(efer, guest)) is not { } rule ? null
            : host.Behaviours.SregsEfer is null ? MissingFact.Rule("sregs.efer") : rule;

    /// <summary>EFER against the host: the part that KVM_SET_MSRS checks as well (contract M22).</summary>
    public static RefusalRule? Efer(ulong efer, ModelHost host)
    {
        ulong beyond = efer & ~(EferSce | EferLme | EferLma | (host.IsAmd ? EferLmsle : 0));
        if (beyond == 0)
        {
            return null;
        }

        return (beyond & ~EferKnown) != 0 ? ClauseTable.SregsEferHost
            : host.Supported is not { } supported ? MissingFact.Rule("supportedCpuid")
            : (beyond & ~Permitted(EferFeatures, host.MaySupport)) != 0 ? ClauseTable.SregsEferHost
            : (beyond & ~Permitted(EferFeatures, supported.Features)) != 0 ? MissingFact.Rule("supportedCpuid")
            : null;
    }

    /// <summary>EFER against the guest's CPUID.</summary>
    public static RefusalRule? GuestEfer(ulong efer, GuestCpuid guest)
        => (efer & EferKnown & ~Permitted(EferFeatures, guest.Features)) != 0 ? ClauseTable.SregsEferGuest : null;

    /// <summary>IA32_APIC_BASE, set by the host.</summary>
    public static RefusalRule? ApicBase(ulong value, ulong current, GuestCpuid guest, ModelHost host)
    {
        RefusalRule? rule = ApicBase(value, guest);
        return rule is null || value != current ? rule : host.Behaviours.SregsApicBaseUnchanged switch
        {
            SregsApicBaseUnchanged.Taken => null,
            SregsApicBaseUnchanged.Judged => rule,
            _ => MissingFact.Rule("sregs.apic-base-unchanged"),
        };
    }

    private static RefusalRule? ApicBase(ulong value, GuestCpuid guest)
    {
        ulong reserved = ApicBaseReserved | guest.ReservedAddressBits | (guest.Features[ModelFeature.X2Apic] ? 0 : ApicBaseX2Apic);
        bool invalidMode = (value & (ApicBaseX2Apic | ApicBaseEnable)) == ApicBaseX2Apic;
        return (value & reserved) != 0 || invalidMode ? ClauseTable.SregsApicBase : null;
    }

    private static RefusalRule? Modes(in KvmSystemRegisters registers, GuestCpuid guest)
    {
        if ((registers.Efer & EferLme) != 0 && (registers.Cr0 & Cr0Pg) != 0)
        {
            bool legal = (registers.Cr4 & Cr4Pae) != 0 && (registers.Efer & EferLma) != 0;
            return !legal ? ClauseTable.SregsLongMode
                : (registers.Cr3 & Cr3Reserved(guest)) != 0 ? ClauseTable.SregsCr3
                : null;
        }

        return (registers.Efer & EferLma) != 0 || registers.Cs.L != 0 ? ClauseTable.SregsLongMode : null;
    }

    /// <summary>CR3[62:61] are LAM's, where the guest has it (SDM vol. 3A, 2.5).</summary>
    private static ulong Cr3Reserved(GuestCpuid guest)
        => guest.ReservedAddressBits & ~(guest.Features[ModelFeature.Lam] ? 3UL << 61 : 0);

    private static RefusalRule? Cr4(ulong cr4, GuestCpuid guest, ModelHost host, bool vmxon, bool hasCpuid)
    {
        ulong beyond = cr4 & ~Cr4Basic;
        if (beyond != 0)
        {
            if ((beyond & ~Cr4Known) != 0)
            {
                return ClauseTable.SregsCr4Reserved;
            }

            if (host.Supported is not { } supported)
            {
                return MissingFact.Rule("supportedCpuid");
            }

            if ((beyond & ~Permitted(Cr4Features, host.MaySupport)) != 0)
            {
                return ClauseTable.SregsCr4Host;
            }

            if ((beyond & ~Permitted(Cr4Features, supported.Features)) != 0)
            {
                return MissingFact.Rule("supportedCpuid");
            }

            if ((beyond & ~guest.PermittedCr4) != 0)
            {
                // A vCPU that never had a CPUID was once held to the host alone.
                return hasCpuid || host.Behaviours.SregsCr4BeforeCpuid == SregsCr4BeforeCpuid.Guest ? ClauseTable.SregsCr4Guest
                    : host.Behaviours.SregsCr4BeforeCpuid is null ? MissingFact.Rule("sregs.cr4-before-cpuid") : null;
            }
        }

        return vmxon && (cr4 & Cr4Vmxe) == 0 ? ClauseTable.SregsVmxeUnderVmxon : null;
    }
}
