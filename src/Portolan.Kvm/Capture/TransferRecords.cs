using System.Buffers.Binary;
using System.Globalization;
using Portolan.Kvm.State;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <summary>Records every step of a capture.</summary>
public sealed class CaptureRecord : ITransferObserver
{
    private readonly List<CaptureStep> _steps = [];

    /// <summary>The steps in the order in which they were done.</summary>
    public IReadOnlyList<CaptureStep> Steps => _steps;

    /// <inheritdoc/>
    public void OnStep(in TransferStep step, VcpuTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        string essentials = step.Answer.Ok ? transfer.EssentialsOf(step.Part, captured: true) : string.Empty;
        _steps.Add(new CaptureStep(step.Part, transfer.IoctlOf(step.Part, captured: true), step.Answer, essentials));
    }
}

/// <summary>Records every step of a restore.</summary>
public sealed class RestoreRecord : ITransferObserver
{
    private readonly List<RestoreStep> _steps = [];

    /// <summary>The steps in the order in which they were done.</summary>
    public IReadOnlyList<RestoreStep> Steps => _steps;

    /// <inheritdoc/>
    public void OnStep(in TransferStep step, VcpuTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        string essentials = transfer.EssentialsOf(step.Part, captured: false);
        if (step.RefusedMsr is { } msr)
        {
            essentials += $"; refused {msr}";
        }

        _steps.Add(new RestoreStep(step.Part, transfer.IoctlOf(step.Part, captured: false), step.Answer, essentials, step.RefusedMsr));
    }
}

/// <content>What a record says of each part.</content>
public sealed partial class VcpuTransfer
{
    /// <summary>XSTATE_BV's place in the image (SDM vol. 1, 13.4.2).</summary>
    private const int XstateBvOffset = 512;

    /// <summary>The name of the ioctl that carries a part on this plan.</summary>
    internal string IoctlOf(VcpuPart part, bool captured)
    {
        string what = part switch
        {
            VcpuPart.Cpuid => "CPUID2",
            VcpuPart.VcpuEvents => "VCPU_EVENTS",
            VcpuPart.MpState => "MP_STATE",
            VcpuPart.Regs => "REGS",
            VcpuPart.Xsave => captured && _plan.Xsave2Size > 0 ? "XSAVE2" : "XSAVE",
            VcpuPart.Xcrs => "XCRS",
            VcpuPart.Sregs => _plan.HasSregs2 ? "SREGS2" : "SREGS",
            VcpuPart.Msrs or VcpuPart.FeatureControl or VcpuPart.TscDeadline => "MSRS",
            VcpuPart.DebugRegs => "DEBUGREGS",
            VcpuPart.Lapic => "LAPIC",
            VcpuPart.NestedState => "NESTED_STATE",
            VcpuPart.TscKhz => "TSC_KHZ",
            _ => throw new ArgumentOutOfRangeException(nameof(part)),
        };
        return (captured ? "KVM_GET_" : "KVM_SET_") + what;
    }

    /// <summary>What a part carried, in a few words.</summary>
    internal string EssentialsOf(VcpuPart part, bool captured) => part switch
    {
        VcpuPart.Cpuid => Text($"{_cpuid.Count} entries"),
        VcpuPart.VcpuEvents => Text($"flags=0x{_events.Flags:x}"),
        VcpuPart.MpState => _mpState.ToString(),
        VcpuPart.Regs => Text($"RIP=0x{_regs.Rip:x}"),
        VcpuPart.Xsave => Text($"XSTATE_BV=0x{XstateBv:x}, {_xsaveLength} bytes"),
        VcpuPart.Xcrs => string.Join(", ", _xcrs.Entries.Select(entry => Text($"XCR{entry.Register}=0x{entry.Value:x}"))),
        VcpuPart.Sregs => Describe(_plan.HasSregs2 ? _sregs2.Registers : _sregs.Registers),
        VcpuPart.Msrs when captured => Text($"{_msrCount + _featureMsrCount} read, {_unreadable.Count} not readable"),
        VcpuPart.Msrs => Text($"{MsrsOf(part).Length} MSRs"),
        VcpuPart.FeatureControl or VcpuPart.TscDeadline => MsrsOf(part) is [MsrValue only] ? only.ToString() : string.Empty,
        VcpuPart.DebugRegs => Text($"DR7=0x{_debugRegs.Dr7:x}"),
        VcpuPart.Lapic => Text($"{_lapic.Length} bytes"),
        VcpuPart.NestedState => Text($"{_nestedLength} bytes"),
        VcpuPart.TscKhz => Text($"{_tscKhz} kHz"),
        _ => string.Empty,
    };

    private ulong XstateBv
        => _xsaveLength >= XstateBvOffset + sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(_xsave.AsSpan(XstateBvOffset)) : 0;

    private static string Describe(KvmSystemRegisters registers)
        => Text($"CR0=0x{registers.Cr0:x} CR4=0x{registers.Cr4:x} EFER=0x{registers.Efer:x}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
