using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <content>Restoring.</content>
public sealed partial class VcpuTransfer
{
    /// <summary>Loads what was captured into a vCPU that <see cref="GuestSetup"/> prepared.</summary>
    public RestoreResult Restore(IKvmVcpu vcpu, RestoreOrder order, RestorePolicy policy = RestorePolicy.Reports)
    {
        NoObserver none = default;
        return Restore(vcpu, order, policy, TransferPlan.LegacyXsaveSize, ref none);
    }

    /// <summary>Loads what was captured into a vCPU that <see cref="GuestSetup"/> prepared.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="order">The steps. What was not captured is passed over.</param>
    /// <param name="policy">What the VMM does when a step fails; no later step is done either way.</param>
    /// <param name="destinationXsaveSize">
    /// How many bytes KVM_SET_XSAVE reads there: KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) of the destination's VM, at least 4096. A shorter
    /// image is continued with zeros, which are components in their initial state.
    /// </param>
    /// <param name="observer">Is told of each step.</param>
    public RestoreResult Restore<TObserver>(
        IKvmVcpu vcpu, RestoreOrder order, RestorePolicy policy, int destinationXsaveSize, ref TObserver observer)
        where TObserver : ITransferObserver
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        ArgumentNullException.ThrowIfNull(order);
        foreach (VcpuPart part in order.Parts)
        {
            if (!IsCarried(part))
            {
                continue;
            }

            KvmAnswer answer = RestorePart(vcpu, part, destinationXsaveSize, out MsrValue? refused);
            bool goesOn = policy == RestorePolicy.Ignores && refused is null && !answer.Ok;
            TransferStep step = new(part, answer, refused) { Ignored = goesOn };
            observer.OnStep(step, this);
            if (!step.Ok)
            {
                return new RestoreResult(goesOn ? RestoreOutcome.RunsIncomplete : RestoreOutcome.Reported, step);
            }
        }

        return new RestoreResult(RestoreOutcome.Complete);
    }

    /// <summary>
    /// Loads what was captured, and does not stop at a refusal: every step is done that does not depend on a refused one, so that all
    /// refusals are found. Each refused MSR is a step of its own, and the others are written.
    /// </summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="order">The steps. What was not captured is passed over.</param>
    /// <param name="policy">
    /// What the VMM does when a step fails. One that ignores it does no later step, unless an MSR was refused, which it does not survive.
    /// </param>
    /// <param name="destinationXsaveSize">As for a restore.</param>
    /// <param name="observer">Is told of each step.</param>
    /// <returns>Where a VMM that ignores failures stopped; complete otherwise, whatever was refused.</returns>
    internal RestoreResult Diagnose<TObserver>(
        IKvmVcpu vcpu, RestoreOrder order, RestorePolicy policy, int destinationXsaveSize, ref TObserver observer)
        where TObserver : ITransferObserver
    {
        bool modes = true;
        foreach (VcpuPart part in order.Parts)
        {
            // Nested state is judged by the system registers: without them its refusal would say nothing of the guest.
            if (!IsCarried(part) || (part == VcpuPart.NestedState && !modes))
            {
                continue;
            }

            if (part is VcpuPart.FeatureControl or VcpuPart.Msrs or VcpuPart.TscDeadline)
            {
                DiagnoseMsrs(vcpu, part, ref observer);
                continue;
            }

            KvmAnswer answer = RestorePart(vcpu, part, destinationXsaveSize, out _);
            TransferStep step = new(part, answer) { Ignored = policy == RestorePolicy.Ignores && !answer.Ok && !answer.IsUnknown };
            observer.OnStep(step, this);
            if (step.Ignored)
            {
                return new RestoreResult(RestoreOutcome.RunsIncomplete, step);
            }

            modes &= step.Ok || part != VcpuPart.Sregs;
        }

        return new RestoreResult(RestoreOutcome.Complete);
    }

    /// <summary>The parts of an order, from one on, that this state holds.</summary>
    internal IEnumerable<VcpuPart> CarriedFrom(VcpuPart part, RestoreOrder order) => order.Parts.Skip(order.Parts.IndexOf(part)).Where(IsCarried);

    /// <summary>Leaves a part out of what is restored.</summary>
    internal void Drop(VcpuPart part) => Hold(part, false);

    /// <summary>Leaves out what the events have behind these flags.</summary>
    internal void DropEvents(uint flags) => _events = _events with { Flags = _events.Flags & ~flags };

    private void DiagnoseMsrs<TObserver>(IKvmVcpu vcpu, VcpuPart part, ref TObserver observer)
        where TObserver : ITransferObserver
    {
        List<RefusedMsr>? refused = MsrWriting.All(vcpu, MsrsOf(part));
        if (refused is null)
        {
            observer.OnStep(new TransferStep(part, KvmAnswer.Done), this);
            return;
        }

        foreach (RefusedMsr one in refused)
        {
            observer.OnStep(new TransferStep(part, one.Answer, one.Msr), this);
        }
    }

    private bool HasFeatureControl => _msrCount > 0 && _msrs[0].Index == MsrIndex.Ia32FeatureControl;

    private bool HasTscDeadline => _msrCount > 0 && _msrs[_msrCount - 1].Index == MsrIndex.Ia32TscDeadline;

    private bool IsCarried(VcpuPart part) => part switch
    {
        VcpuPart.FeatureControl => Has(VcpuPart.Msrs) && HasFeatureControl,
        VcpuPart.TscDeadline => Has(VcpuPart.Msrs) && HasTscDeadline,
        VcpuPart.Xcrs => Has(part) && _xcrs.Entries.Length > 0,
        _ => Has(part),
    };

    /// <summary>The MSRs that one step writes.</summary>
    internal ReadOnlySpan<MsrValue> MsrsOf(VcpuPart part)
    {
        int first = HasFeatureControl ? 1 : 0;
        int end = HasTscDeadline ? _msrCount - 1 : _msrCount;
        return part switch
        {
            VcpuPart.FeatureControl => _msrs.AsSpan(0, first),
            VcpuPart.TscDeadline => _msrs.AsSpan(end, _msrCount - end),
            VcpuPart.Msrs => _msrs.AsSpan(first, end - first),
            _ => [],
        };
    }

    private KvmAnswer RestorePart(IKvmVcpu vcpu, VcpuPart part, int destinationXsaveSize, out MsrValue? refused)
    {
        refused = null;
        return part switch
        {
            VcpuPart.FeatureControl or VcpuPart.Msrs or VcpuPart.TscDeadline => WriteMsrs(vcpu, MsrsOf(part), out refused),
            VcpuPart.Sregs => _plan.HasSregs2 ? vcpu.SetSregs2(_sregs2) : vcpu.SetSregs(_sregs),
            VcpuPart.NestedState => vcpu.SetNestedState(_nested.AsSpan(0, _nestedLength)),
            VcpuPart.TscKhz => RestoreTscKhz(vcpu),
            VcpuPart.Regs => vcpu.SetRegs(_regs),
            VcpuPart.Xsave => vcpu.SetXsave(ImageFor(destinationXsaveSize)),
            VcpuPart.Xcrs => vcpu.SetXcrs(_xcrs),
            VcpuPart.VcpuEvents => vcpu.SetVcpuEvents(_events),
            VcpuPart.MpState => vcpu.SetMpState(_mpState),
            VcpuPart.DebugRegs => vcpu.SetDebugRegs(_debugRegs),
            VcpuPart.Lapic => vcpu.SetLapic(_lapic),
            _ => throw new ArgumentOutOfRangeException(nameof(part), part, "no step of a restore"),
        };
    }

    private ReadOnlySpan<byte> ImageFor(int destinationSize)
    {
        if (destinationSize > _xsave.Length)
        {
            Array.Resize(ref _xsave, destinationSize);
        }

        int length = Math.Max(_xsaveLength, destinationSize);
        _xsave.AsSpan(_xsaveLength, length - _xsaveLength).Clear();
        return _xsave.AsSpan(0, length);
    }

    /// <summary>A host without TSC scaling refuses even its own frequency; a vCPU that runs at it already is right (as QEMU judges it).</summary>
    private KvmAnswer RestoreTscKhz(IKvmVcpu vcpu)
    {
        KvmAnswer set = vcpu.SetTscKhz(_tscKhz);
        return set.Ok || vcpu.GetTscKhz() is { Ok: true } current && current.Value == _tscKhz ? KvmAnswer.Done : set;
    }

    private static KvmAnswer WriteMsrs(IKvmVcpu vcpu, ReadOnlySpan<MsrValue> values, out MsrValue? refused)
    {
        RefusedMsr? first = MsrWriting.UntilRefused(vcpu, values);
        refused = first is { Answer.Ok: true } stopped ? stopped.Msr : null;
        return first?.Answer ?? KvmAnswer.Done;
    }
}
