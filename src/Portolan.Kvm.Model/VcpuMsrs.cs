using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Model.Msr;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model;

/// <summary>
/// A vCPU's MSRs: KVM_GET_MSRS, KVM_SET_MSRS, and the guest's RDMSR and WRMSR (contract section 3). A rule that comes back is a
/// refusal; null is done.
/// </summary>
internal sealed class VcpuMsrs
{
    private readonly ModelVcpu _vcpu;
    private readonly MsrMap _map;
    private readonly ulong[] _values;
    private readonly XsaveState _xsave;
    private readonly XsavePolicy _policy;
    private HashSet<int>? _written;

    public VcpuMsrs(ModelVcpu vcpu, XsaveState xsave, XsavePolicy policy)
    {
        _vcpu = vcpu;
        _xsave = xsave;
        _policy = policy;
        _map = vcpu.Host.Msrs;
        _values = _map.Initial.ToArray();
        Vmx = new VmxMsrs(vcpu);
        if (vcpu.Vm.FeatureMsrQuirkOff)
        {
            StartAtZero();
        }
    }

    /// <summary>The VMX capability MSRs.</summary>
    public VmxMsrs Vmx { get; }

    /// <summary>The rule by which the last KVM_GET_MSRS or KVM_SET_MSRS stopped.</summary>
    public RefusalRule? LastRefusal { get; private set; }

    /// <summary>IA32_XSS.</summary>
    public XFeatureMask Xss { get; private set; }

    /// <summary>IA32_MISC_ENABLE[18]: MONITOR and MWAIT are enabled.</summary>
    public bool MwaitEnabled => (Stored(MsrIndex.Ia32MiscEnable) & MsrRules.MiscEnableMwait) != 0;

    private ModelHost Host => _vcpu.Host;

    private bool HasVmx => _vcpu.Cpuid.Features[Cpuid.ModelFeature.Vmx];

    /// <summary>SET_CPUID2 changed what some MSRs are derived from.</summary>
    public void OnCpuid() => Vmx.OnCpuid();

    /// <summary>KVM_GET_MSRS.</summary>
    public KvmAnswer<int> Get(Span<MsrValue> entries)
    {
        LastRefusal = null;
        bool hasVmx = HasVmx;
        for (int i = 0, slot = 0; i < entries.Length; i++, slot++)
        {
            int run = ReadRun(entries[i..], slot);
            i += run;
            if (i == entries.Length)
            {
                break;
            }

            uint index = entries[i].Index;
            slot = _map.Find(index, slot + run);
            RefusalRule? rule = hasVmx && IsVmx(slot) ? Vmx.Read(index, true, out ulong value) : Read(slot, index, true, out value);
            if (rule is not null)
            {
                return Stop(rule, i);
            }

            entries[i] = new MsrValue(index, value);
        }

        return entries.Length;
    }

    /// <summary>KVM_SET_MSRS: what stands before the first refusal stays written (contract M1).</summary>
    public KvmAnswer<int> Set(ReadOnlySpan<MsrValue> entries)
    {
        LastRefusal = null;
        bool writesVmx = HasVmx && !_vcpu.HasRun;
        for (int i = 0, slot = 0; i < entries.Length; i++, slot++)
        {
            int run = WriteRun(entries[i..], slot);
            i += run;
            if (i == entries.Length)
            {
                break;
            }

            (uint index, ulong value) = entries[i];
            slot = _map.Find(index, slot + run);
            RefusalRule? rule = writesVmx && IsVmx(slot) ? Vmx.Write(index, value) : Write(slot, index, value, true);
            if (rule is not null)
            {
                return Stop(rule, i);
            }
        }

        return entries.Length;
    }

    /// <summary>The stored value of an MSR that needs no rule to be read; 0 if KVM does not know it.</summary>
    public ulong Stored(uint index)
    {
        int slot = _map.Find(index);
        return slot < 0 ? 0 : _values[slot];
    }

    /// <summary>Reads an MSR, for the host or for the guest.</summary>
    public RefusalRule? Read(uint index, bool byHost, out ulong value) => Read(_map.Find(index), index, byHost, out value);

    /// <summary>Writes an MSR, for the host or for the guest.</summary>
    public RefusalRule? Write(uint index, ulong value, bool byHost) => Write(_map.Find(index), index, value, byHost);

    private static KvmAnswer<int> Unknowing(RefusalRule rule) => new KvmAnswer(Errno.Unknown, rule);

    private KvmAnswer<int> Stop(RefusalRule rule, int count)
    {
        LastRefusal = rule;
        return MissingFact.NameOf(rule) is null ? count : Unknowing(rule);
    }

    private bool IsVmx(int slot) => slot >= 0 && _map.Judgement(slot) == MsrJudgement.Vmx;

    /// <summary>Reads the first MSRs as far as they lie in the slots from one on and are only stored; answers how many.</summary>
    private int ReadRun(Span<MsrValue> entries, int slot)
    {
        ReadOnlySpan<MsrSlot> slots = _map.SlotsFrom(slot);
        ReadOnlySpan<ulong> values = _values.AsSpan(slot);
        bool enforced = _vcpu.EnforcesPvCpuid;
        int i = 0;
        for (; i < slots.Length && i < entries.Length && i < values.Length; i++)
        {
            MsrSlot at = slots[i];
            bool stored = at.Judgement <= MsrJudgement.Writing && !(enforced && at.Judgement == MsrJudgement.WhenPvEnforced);
            if (at.Index != entries[i].Index || !stored)
            {
                break;
            }

            entries[i] = new MsrValue(at.Index, values[i]);
        }

        return i;
    }

    /// <summary>The same for writing.</summary>
    private int WriteRun(ReadOnlySpan<MsrValue> entries, int slot)
    {
        ReadOnlySpan<MsrSlot> slots = _map.SlotsFrom(slot);
        Span<ulong> values = _values.AsSpan(slot);
        MsrJudgement most = _vcpu.EnforcesPvCpuid ? MsrJudgement.None : MsrJudgement.WhenPvEnforced;
        int i = 0;
        for (; i < slots.Length && i < entries.Length && i < values.Length; i++)
        {
            if (slots[i].Index != entries[i].Index || slots[i].Judgement > most)
            {
                break;
            }

            values[i] = entries[i].Value;
        }

        return i;
    }

    private RefusalRule? Read(int slot, uint index, bool byHost, out ulong value)
    {
        value = 0;
        if (slot < 0)
        {
            return Unknown(index);
        }

        MsrTreatment kind = _map.Kind(slot);
        if (kind == MsrTreatment.Stored)
        {
            value = _values[slot];
            return null;
        }

        if (MsrValueRules.IsPv(kind))
        {
            return ReadParavirtual(slot, byHost, out value);
        }

        if (!_vcpu.Cpuid.Features.Has(_map.Required(slot)) && Unsupported(kind, byHost) is { } judged)
        {
            return judged.Rule;
        }

        if (kind != MsrTreatment.Vmx && _map.IsInitialUnknown(slot) && _written?.Contains(slot) is not true)
        {
            return MissingFact.Rule($"featureMsrs {index:x}");
        }

        return ReadRuled(kind, index, slot, byHost, out value);
    }

    private RefusalRule? Write(int slot, uint index, ulong value, bool byHost)
    {
        if (slot < 0)
        {
            // Some bits of a VMX capability MSR may be told where nobody tells whether KVM has it: what they refuse is refused either way.
            bool told = byHost && HasVmx && VmxCapabilities.Has(index) && Host.Vmx is not null && _map.WhyUnknown(index) is not null;
            RefusalRule? refused = told ? Vmx.Write(index, value) : null;
            return refused is not null && MissingFact.NameOf(refused) is null ? refused : Unknown(index);
        }

        MsrTreatment kind = _map.Kind(slot);
        if (kind == MsrTreatment.Stored)
        {
            _values[slot] = value;
            return null;
        }

        if (_vcpu.HasRun && byHost && MsrRules.IsFeatureMsr(kind, index, Host))
        {
            return AfterRun(slot, index, value);
        }

        if (!_vcpu.Cpuid.Features.Has(_map.Required(slot)) && Unsupported(kind, byHost) is { } judged)
        {
            return value == 0 ? judged.Rule : MissingFact.NameOf(judged.Rule) is not null ? judged.Rule
                : kind == MsrTreatment.ArchCapabilities ? ClauseTable.MsrArchCapabilitiesCpuid
                : ClauseTable.MsrUnsupportedByVcpu;
        }

        RefusalRule? rule = kind == MsrTreatment.ArchCapabilities && byHost && value != 0 && Host.Behaviours.MsrArchCapabilities == MsrArchCapabilities.ZeroOnly
            ? ClauseTable.MsrArchCapabilitiesZero
            : WriteRuled(kind, slot, index, value, byHost);
        if (rule is not null || (MsrValueRules.IsPv(kind) && LacksPv(slot)))
        {
            return rule;
        }

        rule = MsrValueRules.Applies(kind) ? MsrValueRules.Take(kind, ref value, Context(slot)) : null;
        if (rule is null)
        {
            Store(slot, value);
        }

        return rule;
    }

    private MsrWriteContext Context(int slot) => new(
        Host.IsSvm, HostHas(ModelFeature.Lbrv), Host.Supported?.Features[ModelFeature.La57] ?? true, HostHas(ModelFeature.TscScale) && _vcpu.Cpuid.Features[ModelFeature.TscScale],
        Host.Behaviours, _map.Maximum(slot), Host.Capability(KvmCapability.MaxVcpus), _vcpu.Cpuid.VendorEbx, _vcpu.Cpuid.ReservedAddressBits,
        _values[slot]);

    private bool HostHas(ModelFeature feature) => Host.Supported?.Features[feature] is true;

    private RefusalRule Unknown(uint index) => _map.WhyUnknown(index) is { } fact ? MissingFact.Rule(fact) : ClauseTable.MsrUnknown;

    /// <summary>
    /// Host access to an MSR whose feature the guest's CPUID lacks: refused, or, where KVM is lenient, 0 and only 0 (contract M3).
    /// Null where the vCPU keeps the MSR all the same.
    /// </summary>
    private (RefusalRule? Rule, bool Zero)? Unsupported(MsrTreatment kind, bool byHost)
    {
        if (!byHost)
        {
            return (ClauseTable.MsrUnsupportedByVcpu, false);
        }

        if (!MsrRules.HostNeedsGuestFeature(kind, Host.Behaviours, out RefusalRule? missing))
        {
            return missing is null ? null : (missing, false);
        }

        return Host.Behaviours.MsrHostAccessUnsupported switch
        {
            MsrHostAccessUnsupported.Refused => (ClauseTable.MsrUnsupportedByVcpu, false),
            MsrHostAccessUnsupported.Zero => (null, true),
            _ => (MissingFact.Rule("msr.host-access-unsupported"), false),
        };
    }

    private RefusalRule? AfterRun(int slot, uint index, ulong value)
    {
        RefusalRule? unread = Read(slot, index, true, out ulong current);
        return Host.Behaviours.MsrFeatureAfterRun switch
        {
            _ when unread is null && current == value => null,
            MsrFeatureAfterRun.EqualOnly => unread ?? ClauseTable.MsrFeatureAfterRun,
            MsrFeatureAfterRun.Writable => WriteFeature(slot, index, value),
            _ => MissingFact.Rule("msr.feature-after-run"),
        };
    }

    private RefusalRule? WriteFeature(int slot, uint index, ulong value)
    {
        RefusalRule? rule = WriteRuled(_map.Kind(slot), slot, index, value, true);
        if (rule is null)
        {
            Store(slot, value);
        }

        return rule;
    }

    private RefusalRule? ReadRuled(MsrTreatment kind, uint index, int slot, bool byHost, out ulong value)
    {
        value = _values[slot];
        switch (kind)
        {
            case MsrTreatment.Vmx:
                return Vmx.Read(index, byHost, out value);
            case MsrTreatment.Efer:
                value = _vcpu.Registers.System.Efer;
                return null;
            case MsrTreatment.ApicBase:
                value = _vcpu.Registers.System.ApicBase;
                return null;
            case MsrTreatment.Sysenter when Host.IsSvm && value > uint.MaxValue && Context(slot).GuestIsIntel is not true:
                // The upper half is kept aside, and told to guests of Intel's only (arch/x86/kvm/svm/svm.c svm_get_msr).
                value &= uint.MaxValue;
                return null;
            case MsrTreatment.FsBase or MsrTreatment.GsBase:
                value = _vcpu.Registers.SegmentBase(kind == MsrTreatment.FsBase);
                return null;
            default:
                return null;
        }
    }

    private RefusalRule? WriteRuled(MsrTreatment kind, int slot, uint index, ulong value, bool byHost)
    {
        switch (kind)
        {
            case MsrTreatment.Vmx:
                return byHost ? Vmx.Write(index, value) : ClauseTable.MsrReadOnlyForGuest;
            case MsrTreatment.Efer:
                return WriteEfer(value, byHost);
            case MsrTreatment.ApicBase:
                return WriteApicBase(value);
            case MsrTreatment.Xss:
                return WriteXss(value);
            case MsrTreatment.Xfd or MsrTreatment.XfdErr:
                return WriteXfd(kind, value);
            case MsrTreatment.MiscEnable:
                _vcpu.CpuidState.Invalidate();
                return null;
            case MsrTreatment.FsBase or MsrTreatment.GsBase when MsrRules.Canonical(value, byHost, _vcpu):
                _vcpu.Registers.SetSegmentBase(kind == MsrTreatment.FsBase, value);
                return null;
            case MsrTreatment.Canonical or MsrTreatment.FsBase or MsrTreatment.GsBase:
                return MsrRules.Canonical(value, byHost, _vcpu) ? null : ClauseTable.MsrCanonical;
            case MsrTreatment.KvmPv or MsrTreatment.KvmPoll or MsrTreatment.KvmPfInt or MsrTreatment.KvmPfAck:
                return WriteParavirtual(slot, value, byHost);
            default:
                return MsrRules.Violated(kind, value, byHost, _vcpu);
        }
    }

    /// <summary>Once the VMM enforces it, a PV MSR needs its feature in the guest's CPUID, for the host too (contract S13).</summary>
    private bool LacksPv(int slot) => _vcpu.EnforcesPvCpuid && _map.Needs(slot) is { } feature && !_vcpu.Cpuid.Table.Has(feature);

    /// <summary>A KVM that is lenient about MSRs of features that the vCPU lacks is so about these as well (contract M3).</summary>
    private RefusalRule? WriteParavirtual(int slot, ulong value, bool byHost)
        => !LacksPv(slot) ? null
            : !byHost || value != 0 ? ClauseTable.MsrPvFeature
            : Host.Behaviours.MsrHostAccessUnsupported switch
            {
                MsrHostAccessUnsupported.Zero => null,
                MsrHostAccessUnsupported.Refused => ClauseTable.MsrPvFeature,
                _ => MissingFact.Rule("msr.host-access-unsupported"),
            };

    private RefusalRule? ReadParavirtual(int slot, bool byHost, out ulong value)
    {
        bool lacks = LacksPv(slot);
        value = lacks ? 0 : _values[slot];
        return lacks ? WriteParavirtual(slot, 0, byHost) : null;
    }

    private RefusalRule? WriteEfer(ulong value, bool byHost)
    {
        RefusalRule? rule = Registers.SystemRegisterRules.Efer(value, Host) is { } host ? MissingFact.NameOf(host) is null ? ClauseTable.MsrEfer : host
            : byHost ? null : Registers.SystemRegisterRules.GuestEfer(value, _vcpu.Cpuid);
        if (rule is null)
        {
            _vcpu.Registers.SetEfer(value);
        }

        return rule;
    }

    private RefusalRule? WriteApicBase(ulong value)
    {
        RefusalRule? rule = Registers.SystemRegisterRules.ApicBase(value, _vcpu.Registers.System.ApicBase, _vcpu.Cpuid, Host);
        if (rule is null)
        {
            _vcpu.Registers.SetApicBase(value);
        }

        return rule;
    }

    private RefusalRule? WriteXss(ulong value)
    {
        if (value == 0)
        {
            SetXss(XFeatureMask.None);
            return null;
        }

        switch (Host.Behaviours.MsrXss)
        {
            case MsrXss.ZeroOnly:
                return ClauseTable.MsrXss;
            case null:
                return MissingFact.Rule("msr.xss");
            default:
                break;
        }

        if (Host.Snapshot.SupportedXss is not { } supported)
        {
            return MissingFact.Rule("supportedXss");
        }

        XFeatureMask wanted = new(value);
        if (!wanted.IsSubsetOf(supported.Value & _vcpu.Cpuid.PromisedXss))
        {
            return ClauseTable.MsrXss;
        }

        SetXss(wanted);
        return null;
    }

    private void SetXss(XFeatureMask value)
    {
        Xss = value;
        _vcpu.CpuidState.Invalidate();
    }

    private RefusalRule? WriteXfd(MsrTreatment kind, ulong value)
    {
        XFeatureMask wanted = new(value);
        if (!wanted.IsSubsetOf(_policy.Promised & XFeatures.Dynamic))
        {
            return ClauseTable.MsrXfd;
        }

        return kind == MsrTreatment.XfdErr ? null : _xsave.SetXfd(wanted).Rule;
    }

    private void Store(int slot, ulong value)
    {
        _values[slot] = value;
        if (_map.IsInitialUnknown(slot))
        {
            (_written ??= []).Add(slot);
        }
    }

    /// <summary>KVM_X86_QUIRK_STUFF_FEATURE_MSRS is off: what it gives a new vCPU starts at 0 where the kernel has the quirk (contract M5).</summary>
    private void StartAtZero()
    {
        if (Host.Behaviours.MsrInitialFeatureMsrs != MsrInitialFeatureMsrs.MaximaUnlessQuirkOff)
        {
            return;
        }

        for (int slot = 0; slot < _map.Count; slot++)
        {
            if (ModelMsr.IsStuffed(_map.Kind(slot), _map.StartsAtMaximum(slot)))
            {
                Store(slot, 0);
            }
        }

        Vmx.StartAtZero();
    }
}
