namespace Portolan.X86.Msr;

/// <summary>In which of KVM's lists an MSR can stand (arch/x86/kvm/x86.c); the host and its modules decide whether it does.</summary>
[Flags]
public enum MsrListing
{
    /// <summary>In none.</summary>
    None = 0,

    /// <summary>Saved from hardware: part of KVM_GET_MSR_INDEX_LIST.</summary>
    Saved = 1,

    /// <summary>Emulated: the other part of KVM_GET_MSR_INDEX_LIST.</summary>
    Emulated = 2,

    /// <summary>Part of KVM_GET_MSR_FEATURE_INDEX_LIST.</summary>
    Feature = 4,
}
