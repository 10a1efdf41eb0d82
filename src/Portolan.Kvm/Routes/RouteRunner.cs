using System.Collections.Immutable;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>
/// Takes one guest over a chain of hosts, ioctl by ioctl as a VMM does, and writes down every answer. The state is carried hop by hop:
/// what a host trims is gone for those after it.
/// </summary>
public sealed partial class RouteRunner
{
    private static readonly CpuidFeature Vmx = FeatureTable.Get("vmx");
    private readonly GuestContract _contract;
    private readonly RouteOptions _options;
    private readonly RouteRecorder _recorder;
    private readonly RouteComponents _components;
    private readonly List<MissingPromise> _missing = [];
    private readonly List<GuestVisibleChange> _changes = [];
    private readonly List<GuestVisibleChange> _leftOut = [];
    private readonly List<GuestVisibleChange> _filtered = [];
    private ImmutableArray<VcpuPart> _neverLoaded = [];
    private VmxSeen? _seen;
    private XsaveLayout? _savedLayout;

    private RouteRunner(GuestContract contract, RouteOptions options)
    {
        _contract = contract;
        _options = options;
        _recorder = new RouteRecorder(options.Silent);
        _components = new RouteComponents(contract.PromisedXcr0 | XFeatureMask.Legacy, followsContent: !options.Silent);
    }

    private Untold Untold => _recorder.Untold;

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

    /// <summary>How a stay at a host ended, and what is carried on.</summary>
    private readonly record struct Stay(RouteEnd End, VcpuTransfer? Carried = null);

    private RouteTrace Take(IReadOnlyList<RouteHost> hosts)
    {
        RouteEnd end = RouteEnd.Arrived;
        int hop = 0;
        VcpuTransfer? carried = null;
        for (; hop < hosts.Count; hop++)
        {
            Stay here = Visit(hop, hosts[hop], carried);
            carried = here.Carried;
            end = here.End == RouteEnd.Arrived ? end : here.End;
            if (here.End == RouteEnd.Refused || (here.End == RouteEnd.Unknown && !_options.Diagnoses))
            {
                break;
            }
        }

        ImmutableArray<string> facts = [.. _recorder.Missing.Select(missing => missing.Fact).Distinct().Order(StringComparer.Ordinal)];
        return new RouteTrace
        {
            Hosts = [.. hosts.Select(host => host.Name)],
            Steps = [.. _recorder.Steps],
            End = end == RouteEnd.Arrived && facts.Length > 0 && !_components.LosesState ? RouteEnd.Unknown : end,
            EndHop = Math.Min(hop, hosts.Count - 1),
            Components = _components.All,
            MovedComponents = _components.Moved,
            ComponentsLeftOut = _components.LeftOut,
            MsrsLeftOut = [.. _leftOut],
            MsrsFiltered = [.. _filtered],
            MissingPromises = [.. _missing],
            VisibleChanges = [.. _changes],
            NeverLoaded = _neverLoaded,
            Refusals = [.. _recorder.Refusals],
            MissingByHop = [.. _recorder.Missing],
            MissingFacts = facts,
        };
    }

    private Stay Visit(int hop, RouteHost host, VcpuTransfer? carried)
    {
        _recorder.Enter(hop, host.Name);
        _components.Enter(hop);
        Untold.Enter();
        GuestSetup setup = new(_contract, _options.VcpuSetup, _options.Diagnoses) { EvmcsRevision = _options.EvmcsRevision };
        RouteRecorder recorder = _recorder;
        SetupStep permission = host.RequestsPermission ? setup.RequestPermission(host.System, ref recorder) : default;

        // Asked after the permission, on which the answers depend (contract X9).
        CheckPromise(host);
        KvmAnswer<IKvmVm> created = permission.Ok || _options.Diagnoses ? host.System.CreateVm() : permission.Answer;
        if (!created.Ok)
        {
            return NotMade(SetupPart.CreateVm, permission.Ok ? created.WithoutValue() : permission.Answer, permission.Ok);
        }

        using IKvmVm vm = created.Value;
        SetupStep prepared = setup.PrepareVm(vm, ref recorder);
        KvmAnswer<IKvmVcpu> vcpu = prepared.Ok ? vm.CreateVcpu(0) : prepared.Answer;
        if (!vcpu.Ok)
        {
            return NotMade(SetupPart.CreateVcpu, vcpu.WithoutValue(), prepared.Ok);
        }

        using (vcpu.Value)
        {
            return Live(host, vm, vcpu.Value, setup, carried);
        }
    }

    /// <summary>A VM or vCPU could not be made: because of that call, or of one before that is written down already.</summary>
    private Stay NotMade(SetupPart part, KvmAnswer answer, bool byThisCall)
    {
        _seen = null;
        if (byThisCall)
        {
            _recorder.OnStep(new SetupStep(part, answer));
        }

        return new Stay(EndOf(answer));
    }

    private void CheckPromise(RouteHost host)
    {
        KvmAnswer<CpuidTable> supported = host.System.GetSupportedCpuid();
        if (!supported.Ok)
        {
            _recorder.Miss(supported.WithoutValue());
            return;
        }

        List<CpuidFeature> undecided = [];
        PromiseCheck.Check(_contract.Cpuid, host, _recorder.Hop, _missing, undecided);
        _components.Unavailable(host.SupportedXcr0);
        foreach (CpuidFeature feature in undecided)
        {
            _recorder.Miss($"supportedCpuid {feature.Name}");
        }
    }

    private Stay Live(RouteHost host, IKvmVm vm, IKvmVcpu vcpu, GuestSetup setup, VcpuTransfer? carried)
    {
        RouteRecorder recorder = _recorder;
        bool starts = _recorder.Hop == 0 && _options.State is null;
        if (starts)
        {
            UseComponents(host, vcpu);
        }

        SetupStep prepared = setup.PrepareVcpu(vcpu, ref recorder);
        if (!prepared.Ok)
        {
            _seen = null;
            return new Stay(EndOf(prepared.Answer));
        }

        KvmAnswer<TransferPlan> planned = TransferPlan.From(host.System, vm, _contract);
        if (!planned.Ok)
        {
            recorder.OnStep(new SetupStep(SetupPart.CreateVm, planned.WithoutValue()));
            return new Stay(EndOf(planned.WithoutValue()));
        }

        TransferPlan plan = planned.Value;
        if (host.System.GetMsrIndexList() is { IsUnknown: true } list)
        {
            recorder.Note("KVM_GET_MSR_INDEX_LIST", "no MSRs are carried", list.WithoutValue());
            Untold.Forget(VcpuPart.Msrs);
        }

        AskWhatIsCarried(vm);
        RouteEnd loaded = starts ? UseRegisters(host, vcpu, plan) : Load(host, vcpu, plan, carried);
        if (loaded == RouteEnd.Refused || _recorder.Blocked || (loaded == RouteEnd.Unknown && !_options.Diagnoses))
        {
            // The guest does not run here: nothing can be said of what it would see, nor of what would be saved.
            return new Stay(_recorder.Blocked ? RouteEnd.Refused : loaded);
        }

        if (_options.RunsGuestCode && _options.State is null && !starts)
        {
            RunGuest(host, vcpu, plan);
        }

        RouteEnd seen = Look(vcpu);
        RouteEnd saved = Save(host, vcpu, plan, out VcpuTransfer transfer);
        return new Stay(saved == RouteEnd.Refused ? saved : loaded != RouteEnd.Arrived ? loaded : seen != RouteEnd.Arrived ? seen : saved, transfer);
    }

    /// <summary>Where nobody knows whether an ioctl is there, nothing can be said of what it carries, if the guest has such a thing.</summary>
    private void AskWhatIsCarried(IKvmVm vm)
    {
        bool hasDynamic = _contract.PromisedXcr0.Overlaps(XFeatureTable.Dynamic);
        if (hasDynamic && vm.CheckExtension(KvmCapability.Xsave2) is { IsUnknown: true } xsave2)
        {
            _recorder.Miss(xsave2.WithoutValue());
            Untold.Forget(VcpuPart.Xsave);
        }

        if (_contract.Cpuid.Has(Xsave) && vm.CheckExtension(KvmCapability.Xcrs) is { IsUnknown: true } xcrs)
        {
            _recorder.Miss(xcrs.WithoutValue());
            Untold.Forget(VcpuPart.Xcrs);
        }
    }

    /// <summary>Saves the guest. What a model could not tell is no loss: the trace ends as unknown unless something else decides.</summary>
    private RouteEnd Save(RouteHost host, IKvmVcpu vcpu, TransferPlan plan, out VcpuTransfer transfer)
    {
        _recorder.Phase = RoutePhase.Save;
        RouteRecorder recorder = _recorder;
        transfer = new VcpuTransfer(plan);
        KvmAnswer first = transfer.Capture(vcpu, ref recorder);
        _savedLayout = null;
        if (transfer.Has(VcpuPart.Xsave) && !Untold[VcpuPart.Xsave])
        {
            _savedLayout = host.LayoutNow;
            _components.Saved(transfer.Xsave, _savedLayout);
        }

        return (_options.Diagnoses ? !_recorder.Blocked : first.Ok || first.IsUnknown) ? RouteEnd.Arrived : RouteEnd.Refused;
    }

    private static RouteEnd EndOf(KvmAnswer answer) => answer.IsUnknown ? RouteEnd.Unknown : RouteEnd.Refused;
}
