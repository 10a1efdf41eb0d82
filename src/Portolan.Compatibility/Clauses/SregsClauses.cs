using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.State;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_SREGS (contract C8). A rule is a refusal or names a missing fact; null is accepted.</summary>
internal static class SregsClauses
{
    private const ulong Cr3LamBits = 3UL << 61;
    private static readonly ulong Cr4Gated = Known(Cr4Features);
    private static readonly ulong EferGated = Known(EferFeatures);

    /// <summary>Loads the registers, or says why not.</summary>
    public static RefusalRule? Load(PaperVcpu vcpu, in KvmSystemRegisters registers)
    {
        RefusalRule? cr4 = Cr4(vcpu, registers.Cr4);
        RefusalRule? efer = EferOfSregs(vcpu, registers.Efer);

        // What refuses whatever a missing fact would say comes first.
        RefusalRule? rule = Modes(vcpu, registers) ?? Refusal(cr4) ?? Cr0(registers.Cr0) ?? Refusal(efer) ?? ApicBase(vcpu, registers.ApicBase)
            ?? cr4 ?? efer;
        if (rule is null)
        {
            vcpu.System = registers.Cr8 <= 15 ? registers : registers with { Cr8 = vcpu.System.Cr8 };
        }

        return rule;
    }

    /// <summary>EFER against what the host has: also what KVM_SET_MSRS checks (contract M22).</summary>
    public static RefusalRule? EferOfHost(HostFacts host, ulong efer)
    {
        ulong asked = efer & ~(EferSce | EferLme | EferLma);
        asked &= host.IsAmd ? ~EferLmsle : ulong.MaxValue;
        return asked == 0 ? null
            : (asked & ~EferGated) != 0 ? ClauseTable.SregsEferHost
            : (asked & ~host.EferPossible) != 0 ? ClauseTable.SregsEferHost
            : host.EferAllowed is not { } allowed || (asked & ~allowed) != 0 ? MissingFact.Rule("supportedCpuid")
            : null;
    }

    /// <summary>CR0 alone.</summary>
    public static RefusalRule? Cr0(ulong cr0)
    {
        bool legal = cr0 >> 32 == 0 && ((cr0 & Cr0Nw) == 0 || (cr0 & Cr0Cd) != 0) && ((cr0 & Cr0Pg) == 0 || (cr0 & Cr0Pe) != 0);
        return legal ? null : ClauseTable.SregsCr0;
    }

    /// <summary>IA32_APIC_BASE by the host.</summary>
    public static RefusalRule? ApicBase(PaperVcpu vcpu, ulong value)
        => IsLegalApicBase(vcpu, value) ? null
            : value != vcpu.System.ApicBase || vcpu.Host.Behaviours.SregsApicBaseUnchanged == SregsApicBaseUnchanged.Judged ? ClauseTable.SregsApicBase
            : vcpu.Host.Behaviours.SregsApicBaseUnchanged is null ? MissingFact.Rule("sregs.apic-base-unchanged")
            : null;

    /// <summary>Does the guest's CPUID permit it?</summary>
    public static bool IsLegalApicBase(PaperVcpu vcpu, ulong value)
    {
        bool x2apic = (value & ApicBaseX2Apic) != 0;
        return (value & (ApicBaseReserved | vcpu.Guest.ReservedAddressBits)) == 0
            && (!x2apic || (vcpu.Guest.Features[ModelFeature.X2Apic] && (value & ApicBaseEnable) != 0));
    }

    /// <summary>EFER by KVM_SET_SREGS, which did not always look at it.</summary>
    private static RefusalRule? EferOfSregs(PaperVcpu vcpu, ulong efer)
    {
        if (vcpu.Host.Behaviours.SregsEfer == SregsEfer.ModesOnly)
        {
            return null;
        }

        RefusalRule? host = EferOfHost(vcpu.Host, efer);
        RefusalRule? rule = Refusal(host) ?? EferOfGuest(vcpu, efer) ?? host;
        return rule is not null && vcpu.Host.Behaviours.SregsEfer is null ? MissingFact.Rule("sregs.efer") : rule;
    }

    private static RefusalRule? Refusal(RefusalRule? rule) => MissingFact.NameOf(rule) is null ? rule : null;

    private static RefusalRule? Modes(PaperVcpu vcpu, in KvmSystemRegisters registers)
    {
        bool paging = (registers.Cr0 & Cr0Pg) != 0;
        bool active = (registers.Efer & EferLma) != 0;
        if (!paging || (registers.Efer & EferLme) == 0)
        {
            return active || registers.Cs.L != 0 ? ClauseTable.SregsLongMode : null;
        }

        ulong reserved = vcpu.Guest.ReservedAddressBits & ~(vcpu.Guest.Features[ModelFeature.Lam] ? Cr3LamBits : 0);
        return !active || (registers.Cr4 & Cr4Pae) == 0 ? ClauseTable.SregsLongMode
            : (registers.Cr3 & reserved) != 0 ? ClauseTable.SregsCr3
            : null;
    }

    private static RefusalRule? Cr4(PaperVcpu vcpu, ulong cr4)
    {
        ulong asked = cr4 & ~Cr4Basic;
        if (asked != 0)
        {
            RefusalRule? rule = (asked & ~Cr4Gated) != 0 ? ClauseTable.SregsCr4Reserved
                : (asked & ~vcpu.Host.Cr4Possible) != 0 ? ClauseTable.SregsCr4Host
                : (asked & ~vcpu.Guest.Cr4Allowed) != 0 ? ClauseTable.SregsCr4Guest
                : vcpu.Host.Cr4Allowed is not { } allowed || (asked & ~allowed) != 0 ? MissingFact.Rule("supportedCpuid")
                : null;
            if (rule is not null)
            {
                return rule;
            }
        }

        return vcpu.InVmxOperation && (cr4 & Cr4Vmxe) == 0 ? ClauseTable.SregsVmxeUnderVmxon : null;
    }

    private static RefusalRule? EferOfGuest(PaperVcpu vcpu, ulong efer) => (efer & EferGated & ~vcpu.Guest.EferAllowed) != 0 ? ClauseTable.SregsEferGuest : null;
}
