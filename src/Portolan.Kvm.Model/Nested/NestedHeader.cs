namespace Portolan.Kvm.Model.Nested;

/// <summary>Places and flags of struct kvm_nested_state (uapi asm/kvm.h; contract N1, N4, N5), little-endian.</summary>
internal static class NestedHeader
{
    public const int Size = 128;
    public const int DataSize = 4096;
    public const int FlagsAt = 0;
    public const int FormatAt = 2;
    public const int SizeAt = 4;
    public const int VmxonAt = 8;
    public const int Vmcs12At = 16;
    public const int SmmFlagsAt = 24;
    public const int VmxFlagsAt = 28;
    public const int VmcbAt = 8;
    public const int DataAt = Size;
    public const int ShadowAt = Size + DataSize;

    public const ushort GuestMode = 1;
    public const ushort RunPending = 2;
    public const ushort Evmcs = 4;
    public const ushort MtfPending = 8;
    public const ushort GifSet = 0x100;
    public const ushort Known = GuestMode | RunPending | Evmcs | MtfPending | GifSet;

    public const ushort FormatVmx = 0;
    public const ushort FormatSvm = 1;

    public const ushort SmmGuestMode = 1;
    public const ushort SmmVmxon = 2;

    public const uint PreemptionTimerDeadline = 1;

    /// <summary>An address that stands for none.</summary>
    public const ulong NoAddress = ulong.MaxValue;
}
