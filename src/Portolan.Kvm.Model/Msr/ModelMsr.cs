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
    KvmPv,

    // From here on MsrValueRules says what is taken and kept.
    Sysenter,
    McgCtl,
    Hwcr,
    HsavePa,
    VirtSpecCtrl,
    Debugctl,
    LastBranch,
    MtrrDefault,
    MtrrFixed,
    MtrrBase,
    MtrrMask,
    KvmPoll,
    KvmPfInt,
    KvmPfAck,
    Zero,
    HvCrashCtl,
    HvInvtsc,
    FsBase,
    GsBase,
    TscAux,
    TscRatio,
    HvVpIndex,
    DeCfg,

    /// <summary>Listed, and unknown to the vendor module.</summary>
    Unsupported,
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
    /// <summary>IA32_BIOS_SIGN_ID of a new vCPU (arch/x86/kvm/svm/svm.c init_vmcb, vmx/vmx.c init_vmcs).</summary>
    private const ulong SvmMicrocode = 0x01000065, VmxMicrocode = 0x1_0000_0000;

    /// <summary>IA32_MISC_ENABLE of a new vCPU: no PEBS, no BTS (arch/x86/kvm/x86.c kvm_vcpu_reset).</summary>
    private const ulong MiscEnableReset = 0x1800;

    /// <summary>MSRs that a kernel lists on any CPU that has them or answers for them, and that kvm_amd does not know.</summary>
    private static readonly uint[] NotSvm = [0x3a, 0x309, 0x30a, 0x30b, 0x38d, 0x38e, 0x38f, 0x390, 0x3f1, 0x3f2, 0x600];

    /// <summary>
    /// The row on a host: where IA32_ARCH_CAPABILITIES takes 0 only, it starts at 0 as well; the vendor modules start two others at values of
    /// their own.
    /// </summary>
    public ModelMsr On(KvmBehaviours behaviours, string? module) => (Kind, module) switch
    {
        (MsrTreatment.ArchCapabilities, _) when behaviours.MsrArchCapabilities == MsrArchCapabilities.ZeroOnly => this with { StartsAtMaximum = false, Initial = 0 },
        (MsrTreatment.Microcode, Svm) => this with { Initial = SvmMicrocode },
        (MsrTreatment.Microcode, Vmx) => this with { Initial = VmxMicrocode },
        (MsrTreatment.MiscEnable, Svm or Vmx) => this with { Initial = MiscEnableReset },
        _ => this,
    };

    /// <summary>
    /// Does a new vCPU have 0 in it where KVM_X86_QUIRK_STUFF_FEATURE_MSRS is off? The feature MSRs, and the microcode's revision (contract
    /// M5; arch/x86/kvm/svm/svm.c __svm_vcpu_reset, tools/testing/selftests/kvm feature_msrs_test).
    /// </summary>
    public static bool IsStuffed(MsrTreatment kind, bool startsAtMaximum) => startsAtMaximum || kind is MsrTreatment.PlatformInfo or MsrTreatment.Microcode;

    /// <summary>How an MSR that has no row is treated where it is listed.</summary>
    public static MsrTreatment Unruled(uint index, string? module) => module == Svm && NotSvm.Contains(index) ? MsrTreatment.Unsupported : MsrTreatment.Stored;

    private const string Svm = "kvm_amd";
    private const string Vmx = "kvm_intel";
}
