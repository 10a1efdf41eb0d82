using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What travels from one host to the next. A part that is null is not carried.</summary>
internal sealed record CarriedState
{
    /// <summary>XSTATE_BV of the image; null if no image is carried.</summary>
    public XFeatureMask? Components { get; init; }

    public ImageHeader Header { get; init; }

    /// <summary>The host that saved the image; null for a state that was given.</summary>
    public HostFacts? SavedOn { get; init; }

    public KvmXcrs? Xcrs { get; init; }

    public KvmSystemRegisters? System { get; init; }

    /// <summary>SREGS2 with flags other than 0: PDPTRs come along.</summary>
    public ulong SregsFlags { get; init; }

    /// <summary>Was it saved by KVM_GET_SREGS2?</summary>
    public bool IsSregs2 { get; init; }

    /// <summary>The MSRs in the order in which they are written.</summary>
    public ImmutableArray<MsrValue> Msrs { get; init; } = [];

    public ReadOnlyMemory<byte> Nested { get; init; }

    public KvmVcpuEvents? Events { get; init; }

    public KvmMpState? MpState { get; init; }

    public KvmDebugRegs? DebugRegs { get; init; }

    public uint? TscKhz { get; init; }

    public bool HasRegs { get; init; }

    /// <summary>A state that was given.</summary>
    public static CarriedState Of(VcpuState state)
    {
        byte[] image = [.. state.Xsave];
        bool opens = ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _);
        return new CarriedState
        {
            Components = image.Length == 0 ? null : opens ? view.XstateBv : XFeatureMask.None,
            Header = opens ? new ImageHeader(image.Length, view.XcompBv != 0, image.AsSpan(528, 48).ContainsAnyExcept((byte)0), view.Mxcsr) : new ImageHeader(image.Length, false, false, 0),
            Xcrs = state.Xcrs,
            System = state.Sregs2?.Registers ?? state.Sregs?.Registers,
            SregsFlags = state.Sregs2?.Flags ?? 0,
            IsSregs2 = state.Sregs2 is not null,
            Msrs = state.Msrs,
            Nested = state.Nested.AsMemory(),
            Events = state.Events,
            MpState = state.MpState,
            DebugRegs = state.DebugRegs,
            TscKhz = state.TscKhz,
            HasRegs = state.Regs is not null,
        };
    }

    /// <summary>The components that IA32_XFD disables: their content is not in use, whether or not the host takes the value (contract X27).</summary>
    public XFeatureMask Disabled => new(Msrs.FirstOrDefault(msr => msr.Index == MsrIndex.Ia32Xfd).Value);

    /// <summary>Is a part carried to a host? MSRs are asked for one by one.</summary>
    public bool Has(VcpuPart part) => part switch
    {
        VcpuPart.Xsave => Components is not null,
        VcpuPart.Xcrs => Xcrs is { Entries.Length: > 0 },
        VcpuPart.Sregs => System is not null,
        VcpuPart.NestedState => !Nested.IsEmpty && !EmptyNestedState.Is(Nested.Span),
        VcpuPart.VcpuEvents => Events is not null,
        VcpuPart.MpState => MpState is not null,
        VcpuPart.DebugRegs => DebugRegs is not null,
        VcpuPart.TscKhz => TscKhz is not null,
        VcpuPart.Regs => HasRegs,
        _ => false,
    };
}
