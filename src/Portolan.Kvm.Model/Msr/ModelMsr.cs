using Portolan.Kvm.Behaviours;

namespace Portolan.Kvm.Model.Msr;

/// <summary>How KVM's access code treats an MSR; the words of data/kvm/model-msrs.tsv.</summary>
internal enum MsrTreatment : byte
{
    /// <summary>Stored as it is written.</summary>
    Stored,
    ApicBase,
    FeatCtl,
    Microcode,
    PlatformInfo,
    ArchCapabilities,
    TsxCtrl,
    MiscFeatures,
    MiscEnable,
    Canonical,
    Xfd,
    XfdErr,
    Pat,
    PerfCapabilities,
    Vmx,
    Xss,
    Efer,
    DeCfg,
    KvmPv,
}

/// <summary>How much KVM_GET_MSRS and KVM_SET_MSRS must judge, rising: what is only stored needs no more than its slot.</summary>
internal enum MsrJudgement : byte
{
    /// <summary>Nothing: reading and writing is the stored value.</summary>
    None,

    /// <summary>Nothing, unless the VMM enforces the guest's PV features.</summary>
    WhenPvEnforced,

    /// <summary>Writing; reading is the stored value.</summary>
    Writing,

    /// <summary>Reading and writing, by <see cref="VmxMsrs"/> alone if the guest has VMX.</summary>
    Vmx,

    /// <summary>Reading and writing.</summary>
    Both,
}

/// <summary>An MSR at its slot, as the loops of KVM_GET_MSRS and KVM_SET_MSRS need it.</summary>
internal readonly record struct MsrSlot(uint Index, MsrJudgement Judgement);

/// <summary>Where an MSR is known to KVM.</summary>
internal enum MsrPresence : byte
{
    Always,
    Intel,
    Amd,
    Listed,
}

/// <summary>A row of data/kvm/model-msrs.tsv.</summary>
internal readonly record struct ModelMsr(uint Index, MsrTreatment Kind, MsrPresence Presence, ulong Initial, bool StartsAtMaximum, string? Needs)
{
    /// <summary>The row on a host: where IA32_ARCH_CAPABILITIES takes 0 only, it starts at 0 as well.</summary>
    public ModelMsr On(KvmBehaviours behaviours)
        => Kind == MsrTreatment.ArchCapabilities && behaviours.MsrArchCapabilities == MsrArchCapabilities.ZeroOnly ? this with { StartsAtMaximum = false, Initial = 0 } : this;
}
