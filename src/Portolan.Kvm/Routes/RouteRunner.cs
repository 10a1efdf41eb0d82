using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>
/// Takes one guest over a chain of hosts, ioctl by ioctl as a VMM does, and writes down every answer. The state is carried hop by hop:
/// what a host trims is gone for those after it.
/// </summary>
public sealed class RouteRunner
{
    private readonly GuestContract _contract;
    private readonly RouteOptions _options;
    private readonly List<RouteStep> _steps = [];
    private readonly RouteRecorder _recorder;
    private readonly RouteComponents _components;
    private readonly List<MissingPromise> _missing = [];
    private readonly List<GuestVisibleChange> _changes = [];
    private ImmutableArray<VcpuPart> _neverLoaded = [];
    private readonly List<GuestVisibleChange> _leftOut = [];
    private readonly List<GuestVisibleChange> _filtered = [];
    private ImmutableSortedDictionary<uint, ulong>? _seen;
    private XsaveLayout? _savedLayout;

    private RouteRunner(GuestContract contract, RouteOptions options)
    {
        _contract = contract;
        _options = options;
        _recorder = new RouteRecorder(_steps);
        _components = new RouteComponents(contract.PromisedXcr0 | XFeatureMask.Legacy);
    }

    /// <summary>Takes the route.</summary>
    /// <param name="contract">What the guest was promised.</param>
    /// <param name="hosts">The hosts, at least one; the guest starts on the first.</param>
    /// <param name="options">How.</param>
    public static RouteTrace Run(GuestContract contract, IReadOnlyList<RouteHost> hosts, RouteOptions options)
    {
        ArgumentNullException.ThrowIfNull(contract);
        ArgumentNullException.ThrowIfNull(hosts);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(hosts.Count);
        return new RouteRunner(contract, options).Take(hosts);
    }

    private RouteTrace Take(IReadOnlyList<RouteHost> hosts)
    {
        RouteEnd end = RouteEnd.Arrived;
        int hop = 0;
        VcpuTransfer? carried = null;
        for (; hop < hosts.Count; hop++)
        {
            (RouteEnd here, carried) = Visit(hop, hosts[hop], carried);
            end = here == RouteEnd.Arrived ? end : here;
            if (here is RouteEnd.Refused or RouteEnd.Unknown)
            {
                break;
            }
        }

        return new RouteTrace
        {
            Hosts = [.. hosts.Select(host => host.Name)],
            Steps = [.. _steps],
            End = end == RouteEnd.Arrived && _recorder.MissingFacts.Count > 0 && !_components.LosesState ? RouteEnd.Unknown : end,
            EndHop = Math.Min(hop, hosts.Count - 1),
            Components = _components.All,
            MovedComponents = _components.Moved,
            MsrsLeftOut = [.. _leftOut],
            MsrsFiltered = [.. _filtered],
            MissingPromises = [.. _missing],
            VisibleChanges = [.. _changes],
            NeverLoaded = _neverLoaded,
            MissingFacts = [.. _recorder.MissingFacts],
        };
    }

    private (RouteEnd End, VcpuTransfer? Carried) Visit(int hop, RouteHost host, VcpuTransfer? carried)
    {
        _recorder.Enter(hop, host.Name);
        _components.Enter(hop, host);
        GuestSetup setup = new(_contract, _options.VcpuSetup);
        RouteRecorder recorder = _recorder;
        SetupStep permission = host.RequestsPermission ? setup.RequestPermission(host.System, ref recorder) : default;

        // Asked after the permission, on which the answer depends (contract X9).
        if (host.System.GetSupportedCpuid() is { Ok: true } supported)
        {
            _missing.AddRange(PromiseCheck.Of(_contract, supported.Value, hop));
        }

        KvmAnswer<IKvmVm> created = permission.Ok ? host.System.CreateVm() : permission.Answer;
        if (!created.Ok)
        {
            return (EndOf(created.WithoutValue()), null);
        }

        using IKvmVm vm = created.Value;
        SetupStep prepared = setup.PrepareVm(vm, ref recorder);
        KvmAnswer<IKvmVcpu> vcpu = prepared.Ok ? vm.CreateVcpu(0) : prepared.Answer;
        if (!vcpu.Ok)
        {
            return (EndOf(vcpu.WithoutValue()), null);
        }

        using (vcpu.Value)
        {
            return Stay(host, vm, vcpu.Value, setup, carried);
        }
    }

    private (RouteEnd End, VcpuTransfer? Carried) Stay(RouteHost host, IKvmVm vm, IKvmVcpu vcpu, GuestSetup setup, VcpuTransfer? carried)
    {
        RouteRecorder recorder = _recorder;
        bool starts = carried is null && _options.State is null;
        if (starts)
        {
            UseComponents(host, vcpu, host.SupportedXcr0.Except(XFeatureTable.Dynamic), TransferPlan.LegacyXsaveSize);
        }

        SetupStep prepared = setup.PrepareVcpu(vcpu, ref recorder);
        if (!prepared.Ok)
        {
            return (EndOf(prepared.Answer), null);
        }

        KvmAnswer<TransferPlan> plan = TransferPlan.From(host.System, vm, _contract);
        if (!plan.Ok)
        {
            recorder.Note("KVM_GET_MSR_INDEX_LIST", "", plan.WithoutValue());
            return (EndOf(plan.WithoutValue()), null);
        }

        if (host.System.GetMsrIndexList() is { IsUnknown: true } list)
        {
            recorder.Note("KVM_GET_MSR_INDEX_LIST", "no MSRs are carried", list.WithoutValue());
        }

        RouteEnd loaded = starts ? StartDynamic(host, vcpu, plan.Value) : Load(host, vcpu, plan.Value, carried);
        if (loaded is RouteEnd.Refused or RouteEnd.Unknown)
        {
            return (loaded, null);
        }

        if (_options.RunsGuestCode && _options.State is null && !starts)
        {
            RunGuest(host, vcpu);
        }

        RouteEnd seen = Look(vcpu);
        RouteEnd saved = Save(host, vcpu, plan.Value, out VcpuTransfer transfer);
        RouteEnd here = loaded != RouteEnd.Arrived ? loaded : seen != RouteEnd.Arrived ? seen : saved;
        return (here, transfer);
    }

    /// <summary>
    /// The guest uses every component. The image goes in before KVM_SET_CPUID2, when every generation takes it: on hardware a guest's
    /// components get into use without asking KVM.
    /// </summary>
    private void UseComponents(RouteHost host, IKvmVcpu vcpu, XFeatureMask components, int size)
    {
        byte[] image = WorstState.Image(size, host.Layout, components);
        KvmAnswer set = vcpu.SetXsave(image);
        _recorder.Note("KVM_SET_XSAVE", $"the guest's state: XSTATE_BV={components}", set);
        if (set.Ok)
        {
            _components.Start(image, host.Layout);
        }
    }

    /// <summary>
    /// The guest runs on, and what the host keeps enabled for its vCPUs gets into use again although nobody promised it: on hardware the
    /// host's own PKRU is in the registers when the guest's are saved (contract X18).
    /// </summary>
    private void RunGuest(RouteHost host, IKvmVcpu vcpu)
    {
        byte[] image = new byte[TransferPlan.LegacyXsaveSize];
        XFeatureMask enabled = host.SupportedXcr0.Except(XFeatureTable.Dynamic);
        if (!vcpu.GetXsave(image).Ok || !ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage held, out _))
        {
            return;
        }

        XFeatureMask extra = enabled.Except(held.XstateBv | _components.Promised);
        WorstState.Use(image, host.Layout, extra);
        if (!extra.IsEmpty && vcpu.SetXsave(image).Ok)
        {
            _recorder.Phase = RoutePhase.Guest;
            _recorder.Note("KVM_RUN", $"the guest runs; {XFeatureTable.Names(extra)} of the host's get into use", KvmAnswer.Done);
            _components.Add(image, host.Layout, extra);
        }
    }

    /// <summary>Dynamic components exist on a vCPU only after KVM_SET_CPUID2 (contract X31).</summary>
    private RouteEnd StartDynamic(RouteHost host, IKvmVcpu vcpu, TransferPlan plan)
    {
        XFeatureMask dynamic = _contract.PromisedXcr0 & XFeatureTable.Dynamic & _contract.GuestPermission;
        if (!dynamic.IsEmpty)
        {
            UseComponents(host, vcpu, host.SupportedXcr0, Math.Max(TransferPlan.LegacyXsaveSize, plan.Xsave2Size));
        }

        return RouteEnd.Arrived;
    }

    private RouteEnd Load(RouteHost host, IKvmVcpu vcpu, TransferPlan plan, VcpuTransfer? carried)
    {
        _recorder.Phase = RoutePhase.Load;
        VcpuTransfer arriving = VcpuTransfer.Of(Loadable(carried?.ToState(0) ?? _options.State!, host, plan), plan);
        if (carried is null)
        {
            _components.Start(arriving.Xsave, host.Layout);
        }
        else if (_savedLayout is { } saved)
        {
            _components.Arrive(arriving.Xsave, saved, host.Layout);
        }

        RouteRecorder recorder = _recorder;
        int size = Math.Max(TransferPlan.LegacyXsaveSize, plan.Xsave2Size);
        RestoreResult result = arriving.Restore(vcpu, _options.Order, _options.Policy, size, ref recorder);
        if (result.Outcome == RestoreOutcome.Complete)
        {
            return RouteEnd.Arrived;
        }

        _components.NotLoaded(arriving.Xsave, result, _options.Order, host);
        if (result.Outcome == RestoreOutcome.Reported)
        {
            return EndOf(result.Failed.Answer);
        }

        _neverLoaded = result.NotLoaded(_options.Order);
        return RouteEnd.ArrivedIncomplete;
    }

    /// <summary>A VMM writes the MSRs that the kernel under it lists, and passes over the others.</summary>
    private VcpuState Loadable(VcpuState state, RouteHost host, TransferPlan plan)
    {
        if (host.System.GetMsrIndexList() is not { Ok: true } listed)
        {
            return state;
        }

        HashSet<uint> known = [.. listed.Value, .. plan.FeatureMsrs];
        foreach (MsrValue msr in state.Msrs.Where(msr => !known.Contains(msr.Index) && msr.Value != 0))
        {
            _leftOut.Add(new GuestVisibleChange(_recorder.Hop, msr.Index, msr.Value, 0));
        }

        return state with { Msrs = [.. state.Msrs.Where(msr => known.Contains(msr.Index))] };
    }

    private RouteEnd Look(IKvmVcpu vcpu)
    {
        if (!_options.RunsGuestCode || !_contract.Cpuid.Has("vmx"))
        {
            return RouteEnd.Arrived;
        }

        _recorder.Phase = RoutePhase.Guest;
        ImmutableSortedDictionary<uint, ulong> seen = GuestView.ReadVmx(vcpu.Guest, _recorder);
        if (_seen is null)
        {
            _filtered.AddRange(_contract.FeatureMsrs
                .Where(promised => seen.TryGetValue(promised.Index, out ulong read) && read != promised.Value)
                .Select(promised => new GuestVisibleChange(_recorder.Hop, promised.Index, promised.Value, seen[promised.Index])));
        }

        foreach ((uint index, ulong before) in _seen ?? seen)
        {
            if (seen.TryGetValue(index, out ulong after) && after != before)
            {
                _changes.Add(new GuestVisibleChange(_recorder.Hop, index, before, after));
            }
        }

        _seen = seen;
        bool entered = !_options.EntersNestedGuest
            || GuestView.EnterNested(vcpu.Guest, seen, _options.NestedControls, _contract.EnlightenedVmcs, _recorder);
        return entered ? RouteEnd.Arrived : RouteEnd.Refused;
    }

    /// <summary>Saves the guest. What a model could not tell is no loss: the trace ends as unknown unless something else decides.</summary>
    private RouteEnd Save(RouteHost host, IKvmVcpu vcpu, TransferPlan plan, out VcpuTransfer transfer)
    {
        _recorder.Phase = RoutePhase.Save;
        RouteRecorder recorder = _recorder;
        transfer = new VcpuTransfer(plan);
        KvmAnswer first = transfer.Capture(vcpu, ref recorder);
        if (transfer.Has(VcpuPart.Xsave))
        {
            _components.Saved(transfer.Xsave, host.Layout);
            _savedLayout = host.Layout;
        }

        return first.Ok || first.IsUnknown ? RouteEnd.Arrived : RouteEnd.Refused;
    }

    private static RouteEnd EndOf(KvmAnswer answer) => answer.IsUnknown ? RouteEnd.Unknown : RouteEnd.Refused;
}
