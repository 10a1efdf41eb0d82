using System.Collections.Immutable;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <summary>What came of one step of a capture or a restore.</summary>
/// <param name="Part">The part.</param>
/// <param name="Answer">The ioctl's answer. For MSRs it is a success even if it stopped early; its rule is then the refused MSR's.</param>
/// <param name="RefusedMsr">The MSR at which KVM_SET_MSRS stopped, with the value it refused (contract M1).</param>
public readonly record struct TransferStep(VcpuPart Part, KvmAnswer Answer, MsrValue? RefusedMsr = null)
{
    /// <summary>Was it refused, and does the VMM let the guest run all the same?</summary>
    public bool Ignored { get; init; }

    /// <summary>Was everything done?</summary>
    public bool Ok => Answer.Ok && RefusedMsr is null;
}

/// <summary>Is told of each step, while the transfer still holds what the step carried. A struct that does nothing costs nothing.</summary>
public interface ITransferObserver
{
    /// <summary>A step was done.</summary>
    void OnStep(in TransferStep step, VcpuTransfer transfer);
}

/// <summary>Watches nothing.</summary>
public readonly struct NoObserver : ITransferObserver
{
    /// <inheritdoc/>
    public void OnStep(in TransferStep step, VcpuTransfer transfer)
    {
    }
}

/// <summary>One step of a capture, for a record.</summary>
/// <param name="Part">The part.</param>
/// <param name="Ioctl">The ioctl's name.</param>
/// <param name="Answer">Its answer.</param>
/// <param name="Essentials">What it carried, in a few words.</param>
public sealed record CaptureStep(VcpuPart Part, string Ioctl, KvmAnswer Answer, string Essentials);

/// <summary>One step of a restore, for a record.</summary>
/// <param name="Part">The part.</param>
/// <param name="Ioctl">The ioctl's name.</param>
/// <param name="Answer">Its answer; a success even where KVM_SET_MSRS stopped early.</param>
/// <param name="Essentials">What it carried, in a few words.</param>
/// <param name="RefusedMsr">The MSR at which KVM_SET_MSRS stopped.</param>
public sealed record RestoreStep(VcpuPart Part, string Ioctl, KvmAnswer Answer, string Essentials, MsrValue? RefusedMsr)
{
    /// <summary>Was everything done?</summary>
    public bool Ok => Answer.Ok && RefusedMsr is null;
}

/// <summary>How a restore ended.</summary>
public enum RestoreOutcome
{
    /// <summary>Every part that was captured was loaded.</summary>
    Complete,

    /// <summary>A step failed and the VMM said so: the VM does not run.</summary>
    Reported,

    /// <summary>A step failed and the VMM went on: the VM runs without the parts that were not loaded.</summary>
    RunsIncomplete,
}

/// <summary>How a restore ended, and where it stopped.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Failed">The step that failed; meaningless when complete.</param>
public readonly record struct RestoreResult(RestoreOutcome Outcome, TransferStep Failed = default)
{
    /// <summary>The parts that the vCPU never received: the failed one and all after it.</summary>
    public ImmutableArray<VcpuPart> NotLoaded(RestoreOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        return Outcome == RestoreOutcome.Complete ? [] : [Failed.Part, .. order.After(Failed.Part)];
    }
}
