using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Routes;

/// <content>What the guest, if it is a hypervisor, sees and does.</content>
public sealed partial class RouteRunner
{
    private RouteEnd Look(IKvmVcpu vcpu)
    {
        if (!_options.RunsGuestCode || !_contract.Cpuid.Has(Vmx))
        {
            return RouteEnd.Arrived;
        }

        if (Untold.View)
        {
            _seen = null;
            return RouteEnd.Arrived;
        }

        _recorder.Phase = RoutePhase.Guest;
        VmxSeen seen = GuestView.ReadVmx(vcpu.Guest, _recorder);
        if (_recorder.Hop == 0)
        {
            Filtered(seen);
        }
        else if (_seen is { } before)
        {
            Compare(vcpu.Guest, before, seen);
        }

        _seen = seen;
        bool entered = !_options.EntersNestedGuest || !seen.IsComplete
            || GuestView.EnterNested(vcpu.Guest, seen, _options.NestedControls, _contract.EnlightenedVmcs, _recorder);
        return entered || _options.Diagnoses ? RouteEnd.Arrived : RouteEnd.Refused;
    }

    private void Filtered(VmxSeen seen)
    {
        foreach (MsrValue promised in _contract.FeatureMsrs.Values)
        {
            if (seen.TryGet(promised.Index, out ulong read) && read != promised.Value)
            {
                _filtered.Add(new GuestVisibleChange(_recorder.Hop, promised.Index, promised.Value, read));
            }
        }
    }

    private void Compare(IGuestCpu guest, VmxSeen before, VmxSeen seen)
    {
        for (uint index = VmxSeen.First; index <= VmxSeen.Last; index++)
        {
            if (before.TryGet(index, out ulong was) && seen.TryGet(index, out ulong now) && was != now)
            {
                bool breaks = _options.Diagnoses && seen.IsComplete && Use(guest, seen).IsBroken(index, was, now);
                _changes.Add(new GuestVisibleChange(_recorder.Hop, index, was, now) { BreaksUse = breaks });
            }
        }
    }

    private NestedUse Use(IGuestCpu guest, VmxSeen seen)
        => new(guest, seen, _options.UsesEveryControl, _options.NestedControls, _contract.EnlightenedVmcs, _recorder);
}
