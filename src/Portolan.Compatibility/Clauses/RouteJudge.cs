using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>One judgement in the making: carries the state on paper from host to host.</summary>
internal sealed class RouteJudge
{
    private readonly RouteQuestion _question;
    private readonly GuestFacts _guest;
    private readonly List<Finding> _findings = [];
    private readonly List<MissingEvidence> _missing = [];
    private readonly VmxView _vmx;
    private XFeatureMask _expected;

    public RouteJudge(RouteQuestion question)
    {
        _question = question;
        _guest = GuestFacts.Of(question.Guest);
        _vmx = new VmxView(question);
    }

    private bool FromState => _question.State is not null;

    /// <summary>x87, SSE and what leaf 0DH promises.</summary>
    private XFeatureMask Promised => _guest.Promised | XFeatureMask.Legacy;

    public Judgement Judge() => Judge(_question.Hosts.Length, out _);

    /// <summary>Judges the first host alone.</summary>
    /// <param name="departure">What leaves it; null where the guest cannot start or be saved there.</param>
    public Judgement JudgeStart(out Departure? departure) => Judge(1, out departure);

    private Judgement Judge(int hops, out Departure? departure)
    {
        int hop = 0;
        bool unknown = false;
        departure = null;
        PaperVcpu? before = null;
        CarriedState? carried = _question.State is { } state ? CarriedState.Of(state) : null;
        for (; hop < hops; hop++)
        {
            HopReport report = new(hop, _findings, _missing);
            HostFacts facts = _question.Hosts[hop].Facts;
            if (unknown)
            {
                Promises(report, facts, _question.Hosts[hop - 1].Facts);
                continue;
            }

            (PaperVcpu? here, carried) = Visit(report, facts, before, carried);
            if (report.Blocked)
            {
                break;
            }

            // What a missing fact decides ends the state's journey, not what can be said of the other hosts.
            unknown = here is null;
            before = here;
            departure = here is null ? null : new Departure(here, carried!, _expected);
        }

        return new Judgement
        {
            Findings = [.. _findings],
            Missing = [.. _missing.Distinct()],
            LastHop = Math.Min(hop, hops - 1),
            FromState = FromState,
        };
    }

    /// <summary>The promises that KVM_GET_SUPPORTED_CPUID alone decides. The permission decides what it shows; what refuses it is not judged.</summary>
    private void ShownPromises(HopReport report, HostFacts host)
    {
        PaperVcpu vcpu = new(_guest, host);
        if (!_question.Unpermitted.Contains(report.Hop))
        {
            SetupClauses.Permission(vcpu, report.Trial());
        }

        PromiseClauses.Features(vcpu, report);
        PromiseClauses.Numbers(_guest, host, report);
    }

    /// <summary>What is known of the feature MSRs refuses a guest, whatever else is not known of the host.</summary>
    private void RefusedVmxMsrs(HopReport report, HostFacts host) => SetupClauses.RefusedVmxMsrs(new PaperVcpu(_guest, host) { HasCpuid = true }, report);

    /// <summary>What needs no state: the promises.</summary>
    private void Promises(HopReport report, HostFacts host, HostFacts before)
    {
        PolicyClauses.Judge(_question, _guest, host, before, report);
        PaperVcpu vcpu = new(_guest, host);
        if (!_question.Unpermitted.Contains(report.Hop))
        {
            SetupClauses.Permission(vcpu, report);
        }

        PromiseClauses.Components(_guest, host, report);
        PromiseClauses.Features(vcpu, report);
        PromiseClauses.Numbers(_guest, host, report);
        RefusedVmxMsrs(report, host);
    }

    private (PaperVcpu? Vcpu, CarriedState? Carried) Visit(HopReport report, HostFacts host, PaperVcpu? before, CarriedState? carried)
    {
        PolicyClauses.Judge(_question, _guest, host, before?.Host, report);
        PolicyClauses.Clock(host, before?.Host, report);
        if (!host.MissingForAll.IsEmpty)
        {
            foreach (string fact in host.MissingForAll)
            {
                report.Missing(fact);
            }

            // What the host shows of CPUID is a promise kept or not, whatever else is not known of it.
            if (host.Offered is not null)
            {
                ShownPromises(report, host);
            }

            RefusedVmxMsrs(report, host);

            return default;
        }

        PaperVcpu vcpu = new(_guest, host) { EvmcsDesign = _question.EvmcsDesign ?? host.Behaviours.EvmcsDesign, EvmcsRevision = _question.EvmcsRevision };
        PromiseClauses.Components(_guest, host, report);
        if (!_question.Unpermitted.Contains(report.Hop))
        {
            SetupClauses.Permission(vcpu, report);
        }

        PromiseClauses.Features(vcpu, report);
        PromiseClauses.Numbers(_guest, host, report);
        PromiseClauses.Layout(_guest, host, report);
        bool starts = before is null && !FromState;
        if (starts)
        {
            Use(vcpu, report, host.Default);
        }

        SetupClauses.Vm(vcpu, report);
        if (!SetupClauses.Vcpu(vcpu, report, _question.VcpuSetup))
        {
            return default;
        }

        if (starts)
        {
            Start(vcpu, report);
        }
        else
        {
            carried = _question.SanitisesXstateBv ? carried! with { Components = carried.Components & Promised } : carried!;
            _expected = _question.SanitisesXstateBv ? _expected & Promised : _expected;
            new StateLoad(_question, vcpu, report).Load(carried, before);
            _expected = StateLoad.Expected(vcpu, carried, report, _expected);
        }

        if (_question.EvmcsPolicy == EvmcsPolicy.Strict)
        {
            EvmcsRequest.Judge(vcpu, before, report);
        }

        return report.Blocked ? default : Stay(vcpu, report, starts);
    }

    private (PaperVcpu Vcpu, CarriedState? Carried) Stay(PaperVcpu vcpu, HopReport report, bool starts)
    {
        PolicyClauses.Tsc(vcpu, report);
        if (!FromState && !starts)
        {
            Run(vcpu);
        }

        _vmx.Look(vcpu, report);
        return (vcpu, Save(vcpu, report));
    }

    /// <summary>Without a state: the guest uses all that it can, as far as this host lets it.</summary>
    private void Start(PaperVcpu vcpu, HopReport report)
    {
        XFeatureMask dynamic = _guest.Promised & XFeatures.Dynamic & _question.Guest.GuestPermission;
        dynamic &= vcpu.Host.Supported;
        if (!dynamic.IsEmpty)
        {
            Add(vcpu, dynamic);
        }

        WorstPaper.Apply(vcpu);
    }

    private void Use(PaperVcpu vcpu, HopReport report, XFeatureMask components)
    {
        RefusalRule? rule = XsaveClauses.Set(vcpu, components, new ImageHeader(int.MaxValue, false, false, 0x1f80));
        if (rule is null)
        {
            _expected = components;
        }
        else if (MissingFact.NameOf(rule) is { } fact)
        {
            report.Missing(fact);
        }
    }

    /// <summary>The guest runs on: what the host keeps enabled gets into use again, promised or not (contract X18).</summary>
    private void Run(PaperVcpu vcpu) => Add(vcpu, vcpu.Host.Default.Except(Promised));

    /// <summary>What KVM_GET_XSAVE keeps and these components get into use, if the host lets them.</summary>
    private void Add(PaperVcpu vcpu, XFeatureMask components)
    {
        bool saves = StateLoad.SaveRefusal(vcpu) is null;
        if (!vcpu.Host.HasXsave || !saves || XsaveClauses.GetMask(vcpu) is not { } mask)
        {
            return;
        }

        XFeatureMask held = vcpu.InUse & mask;
        XFeatureMask extra = components.Except(held);
        if (!extra.IsEmpty && XsaveClauses.Set(vcpu, held | extra, new ImageHeader(int.MaxValue, false, false, vcpu.Mxcsr)) is null)
        {
            _expected |= extra;
        }
    }

    private CarriedState Save(PaperVcpu vcpu, HopReport report)
    {
        HostFacts host = vcpu.Host;
        XFeatureMask? components = SaveXsave(vcpu, report);
        uint mxcsr = components is { } saved ? XsaveClauses.SavedMxcsr(vcpu, saved) : vcpu.Mxcsr;
        return new CarriedState
        {
            Components = components,
            Header = new ImageHeader(StateLoad.Xsave2Size(vcpu) is > 0 and int size ? size : TransferPlan.LegacyXsaveSize, false, false, mxcsr),
            SavedOn = host,
            Xcrs = SaveXcrs(vcpu, report),
            System = vcpu.System,
            SregsFlags = StateLoad.IsPae(vcpu.System) && host.Capability(KvmCapability.Sregs2) > 0 ? 1UL : 0,
            IsSregs2 = host.Capability(KvmCapability.Sregs2) > 0,
            Msrs = StateLoad.SavedMsrs(vcpu, report, all: FromState),
            Nested = SaveNested(vcpu, report),
            Events = default(KvmVcpuEvents) with { Flags = vcpu.InSmm ? 8u : 0, Smm = vcpu.InSmm ? (byte)1 : (byte)0 },
            MpState = KvmMpState.Runnable,
            DebugRegs = default(KvmDebugRegs),
            TscKhz = SaveTsc(vcpu, report),
            HasRegs = true,
        };
    }

    private XFeatureMask? SaveXsave(PaperVcpu vcpu, HopReport report)
    {
        XFeatureMask saved = XFeatureMask.Legacy;
        if (vcpu.Host.HasXsave)
        {
            if (vcpu.Host.Behaviours.XsaveXsave2 is null && !vcpu.Dynamic.IsEmpty)
            {
                report.Missing("xsave.xsave2", ClauseTable.XsaveGetSize);
            }

            if (StateLoad.SaveRefusal(vcpu) is { } refused && vcpu.Host.Behaviours.XsaveXsave2 is not null)
            {
                report.Refused(refused, new Subject(SubjectKind.Part, (uint)VcpuPart.Xsave), vcpu.Dynamic.Bits);
                return null;
            }

            if (XsaveClauses.GetMask(vcpu) is not { } mask)
            {
                report.Missing("xsave.get-mask", ClauseTable.XsaveGetLost);
                return null;
            }

            saved = vcpu.InUse & mask;
        }

        Subject subject = new(SubjectKind.Components);
        XFeatureMask gone = _expected.Except(saved);
        AddIfAny(report, ClauseTable.XsaveGetLost, subject, gone & Promised);
        AddIfAny(report, ClauseTable.XsaveGetDropped, subject, gone.Except(Promised));
        _expected = _expected.Except(gone);
        return saved;
    }

    private static void AddIfAny(HopReport report, RefusalRule rule, Subject subject, XFeatureMask components)
    {
        if (!components.IsEmpty)
        {
            report.Add(rule, subject, components.Bits);
        }
    }

    private static KvmXcrs? SaveXcrs(PaperVcpu vcpu, HopReport report)
    {
        long? capability = vcpu.Host.Capability(KvmCapability.Xcrs);
        if (capability is null && vcpu.Host.HasXsave)
        {
            report.Missing("capabilities KVM_CAP_XCRS", ClauseTable.XcrsWithoutXsave);
        }

        if (capability is not > 0)
        {
            return null;
        }

        return report.Refused(vcpu.Host.HasXsave ? null : ClauseTable.XcrsWithoutXsave, new Subject(SubjectKind.Part, (uint)VcpuPart.Xcrs))
            ? null
            : KvmXcrs.Xcr0(vcpu.Xcr0.Bits);
    }

    /// <summary>The VMM's buffer has KVM_CAP_NESTED_STATE bytes.</summary>
    private static ReadOnlyMemory<byte> SaveNested(PaperVcpu vcpu, HopReport report)
    {
        bool fits = vcpu.Nested.Length <= vcpu.Host.Capability(KvmCapability.NestedState).GetValueOrDefault();
        report.Refused(vcpu.Nested.IsEmpty || fits ? null : ClauseTable.NestedGetSize, new Subject(SubjectKind.Part, (uint)VcpuPart.NestedState), (ulong)vcpu.Nested.Length);
        return fits ? vcpu.Nested : default;
    }

    private uint? SaveTsc(PaperVcpu vcpu, HopReport report)
    {
        uint? khz = vcpu.TscKhz ?? vcpu.Host.Snapshot.TscKhz?.Value;
        if (khz is null && report.Hop + 1 < _question.Hosts.Length && _question.Hosts[report.Hop + 1].Facts.Capability(KvmCapability.TscControl) is not > 0)
        {
            report.Missing("tscKhz", ClauseTable.TscKhz);
        }

        return khz;
    }
}
