using System.Collections.Immutable;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <content>Loading what the host before saved.</content>
public sealed partial class RouteRunner
{
    /// <summary>KVM_VCPUEVENT_VALID_PAYLOAD and KVM_VCPUEVENT_VALID_TRIPLE_FAULT (uapi asm/kvm.h).</summary>
    private const uint PayloadFlag = 16;
    private const uint TripleFaultFlag = 32;

    private RouteEnd Load(RouteHost host, IKvmVcpu vcpu, TransferPlan plan, VcpuTransfer? carried)
    {
        if (_recorder.Hop > 0 && carried is null)
        {
            // The host before could not be judged: nothing is known of what it would have sent.
            return RouteEnd.Unknown;
        }

        _recorder.Phase = RoutePhase.Load;
        VcpuTransfer arriving = VcpuTransfer.Of(Loadable(carried?.ToState(0) ?? _options.State!, host, plan), plan);
        foreach (VcpuPart part in _options.Order.Parts)
        {
            if (Untold[part])
            {
                arriving.Drop(part);
            }
        }

        DropRefusedEvents(arriving);
        DropXcrsWithoutXsave(host, arriving);
        FollowComponents(host, arriving, carried is null);
        RouteRecorder recorder = _recorder;
        int size = Math.Max(TransferPlan.LegacyXsaveSize, plan.Xsave2Size);
        RestoreResult result = _options.Diagnoses
            ? arriving.Diagnose(vcpu, _options.Order, _options.Policy, size, ref recorder)
            : arriving.Restore(vcpu, _options.Order, _options.Policy, size, ref recorder);
        if (Untold[VcpuPart.Xsave])
        {
            _components.Forget();
        }

        return Loaded(host, arriving, result);
    }

    /// <summary>A VMM loads no XCR0 where the kernel has no KVM_CAP_XCRS, which it has only on a CPU with XSAVE (contract C2).</summary>
    private void DropXcrsWithoutXsave(RouteHost host, VcpuTransfer arriving)
    {
        if (!arriving.Has(VcpuPart.Xcrs) || !host.SupportedXcr0.IsEmpty)
        {
            return;
        }

        KvmAnswer<int> xcrs = host.System.CheckExtension(KvmCapability.Xcrs);
        if (xcrs.IsUnknown)
        {
            _recorder.Miss(xcrs.WithoutValue());
        }

        if (xcrs.ValueOr(0) == 0)
        {
            arriving.Drop(VcpuPart.Xcrs);
        }
    }

    /// <summary>
    /// What of the events stands on a capability that was refused here: that they are refused too says nothing new. Only a diagnosis comes
    /// as far as this.
    /// </summary>
    private void DropRefusedEvents(VcpuTransfer arriving)
    {
        foreach (RouteRefusal refusal in _recorder.Refusals)
        {
            if (refusal.Hop == _recorder.Hop && refusal.Setup is SetupPart.ExceptionPayload or SetupPart.TripleFaultEvent)
            {
                arriving.DropEvents(refusal.Setup == SetupPart.ExceptionPayload ? PayloadFlag : TripleFaultFlag);
            }
        }
    }

    private RouteEnd Loaded(RouteHost host, VcpuTransfer arriving, RestoreResult result)
    {
        if (result.Outcome == RestoreOutcome.Complete)
        {
            return RouteEnd.Arrived;
        }

        VcpuPart[] never = [.. arriving.CarriedFrom(result.Failed.Part, _options.Order)];
        if (never.Contains(VcpuPart.Xsave))
        {
            _components.NotLoaded(arriving.Xsave, result.Failed.Part == VcpuPart.Xsave, host.SupportedXcr0);
        }

        if (result.Outcome == RestoreOutcome.Reported)
        {
            return EndOf(result.Failed.Answer);
        }

        _neverLoaded = [.. never];
        return RouteEnd.ArrivedIncomplete;
    }

    private void FollowComponents(RouteHost host, VcpuTransfer arriving, bool starts)
    {
        if (Untold[VcpuPart.Xsave])
        {
            _components.Forget();
        }
        else if (starts)
        {
            ulong disabled = _options.State!.Msrs.FirstOrDefault(msr => msr.Index == MsrIndex.Ia32Xfd).Value;
            _components.Start(arriving.Xsave, host.LayoutNow, new XFeatureMask(disabled));
        }
        else if (_savedLayout is { } saved && host.LayoutNow is { } here)
        {
            _components.Arrive(arriving.Xsave, saved, here);
        }
    }

    /// <summary>A VMM writes the MSRs that the kernel under it lists, and passes over the others.</summary>
    private VcpuState Loadable(VcpuState state, RouteHost host, TransferPlan plan)
    {
        if (host.System.GetMsrIndexList() is not { Ok: true } listed)
        {
            return state;
        }

        HashSet<uint> known = [.. listed.Value, .. plan.FeatureMsrs];
        ImmutableArray<MsrValue>.Builder loadable = ImmutableArray.CreateBuilder<MsrValue>(state.Msrs.Length);
        foreach (MsrValue msr in state.Msrs)
        {
            if (known.Contains(msr.Index))
            {
                loadable.Add(msr);
            }
            else if (!Untold[VcpuPart.Msrs] && !TransferPlan.IsVmxCapability(msr.Index) && IsInUse(msr))
            {
                _leftOut.Add(new GuestVisibleChange(_recorder.Hop, msr.Index, msr.Value, 0));
            }
        }

        return state with { Msrs = loadable.ToImmutable() };
    }

    /// <summary>
    /// May the guest have the MSR in use? Of a given state the value tells; without one, whether the contract promises what the MSR needs.
    /// </summary>
    private bool IsInUse(MsrValue msr)
        => _options.State is null ? KnownMsrs.Find(msr.Index)?.IsPromised(_contract.Cpuid) ?? true : msr.Value != 0;
}
