using System.Globalization;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Model;

/// <summary>A vCPU's VMX capability MSRs: the restore predicate, the derived ones, and what eVMCS filters (contract section 3 and 4).</summary>
internal sealed class VmxMsrs
{
    /// <summary>The MSRs that no write changes, as a set of distances from IA32_VMX_BASIC.</summary>
    private static readonly uint Unwritable = UnwritableOnes();

    private readonly ModelVcpu _vcpu;
    private KnownVmxCapabilities _own;
    private readonly bool _known;
    private readonly bool _complete;

    public VmxMsrs(ModelVcpu vcpu)
    {
        _vcpu = vcpu;
        _known = vcpu.Host.Vmx is not null;
        _complete = vcpu.Host.Vmx is { IsComplete: true };
        _own = vcpu.Host.Vmx ?? default;
    }

    /// <summary>The vCPU's capabilities; null if a bit of what controls are checked against is not known.</summary>
    public VmxCapabilities? Own => _known && _own.KnowsControls ? _own.Values : null;

    private ModelHost Host => _vcpu.Host;

    /// <summary>KVM makes the FIXED1 MSRs up from the guest's CPUID (contract M11).</summary>
    public void OnCpuid()
    {
        if (!_known || !_vcpu.Cpuid.Features[Cpuid.ModelFeature.Vmx])
        {
            return;
        }

        // A span that is not known differs only in bits the guest seldom has; Read tells when it would matter.
        _own = _own.WithFixed1(VmxFixed1.Cr0, _vcpu.Cpuid.Cr4Fixed1(Fixed1Span ?? VmxFixed1Span.Original));
    }

    /// <summary>The quirk that starts them at the maxima is off.</summary>
    public void StartAtZero() => _own = KnownVmxCapabilities.All(default);

    /// <summary>eVMCS was enabled on kernels that rewrite the vCPU's own MSRs then (contract E12).</summary>
    public void Rewrite(Func<VmxCapabilities, VmxCapabilities> rewrite) => _own = _own.Map(rewrite);

    /// <summary>Reads one, for the host or filtered for the guest.</summary>
    public RefusalRule? Read(uint index, bool byHost, out ulong value)
    {
        value = 0;
        if (!_known)
        {
            return MissingFact.Rule("featureMsrs");
        }

        if (index == MsrIndex.Ia32VmxCr4Fixed1 && Fixed1Span is null
            && _vcpu.Cpuid.Cr4Fixed1(VmxFixed1Span.Original) != _vcpu.Cpuid.Cr4Fixed1(VmxFixed1Span.WithCet))
        {
            return MissingFact.Rule("vmx.cr4-fixed1");
        }

        return !VmxCapabilities.Has(index) ? ClauseTable.MsrUnknown
            : !(_complete ? _own.Values.TryGet(index, out value) : _own.TryGet(index, out value)) ? Unknown(index)
            : byHost ? null
            : _vcpu.Nested.Evmcs.Filter(index, ref value);
    }

    /// <summary>Restores one: exactly KVM's predicate (contract M5 to M12).</summary>
    public RefusalRule? Write(uint index, ulong value)
    {
        if (_known && !_vcpu.Nested.IsVmxon && _own.TryGet(index, out ulong current) && current == value && !IsUnwritable(index))
        {
            // What the vCPU has was accepted before, or is the maximum.
            return null;
        }

        if (!_known || Host.Vmx is not { } maxima)
        {
            return MissingFact.Rule("featureMsrs");
        }

        VmxRestoreAnswer? againstMaxima = VmxRestore.Check(index, value, maxima, _own, _vcpu.Nested.IsVmxon);
        VmxRestoreAnswer? againstCurrent = VmxRestore.Check(index, value, _own, _own, _vcpu.Nested.IsVmxon);
        if (Host.Behaviours.VmxRestoreAgainst is null && againstMaxima?.Accepted != againstCurrent?.Accepted)
        {
            return MissingFact.Rule("vmx.restore-against");
        }

        if ((Host.Behaviours.VmxRestoreAgainst == VmxRestoreAgainst.Current ? againstCurrent : againstMaxima) is not { } answer)
        {
            return Unknown(index);
        }

        if (!answer.Accepted)
        {
            return RuleOf(answer.Rule);
        }

        _own = _own.With(index, value);
        return null;
    }

    /// <summary>
    /// What a KVM whose maxima are known in part refuses for what is known, written into a fresh vCPU one MSR after the other; nothing is
    /// said of the others.
    /// </summary>
    /// <param name="snapshot">The host.</param>
    /// <param name="wanted">The values that the guest is given, in an order in which KVM accepts them.</param>
    public static IEnumerable<(MsrValue Msr, RefusalRule Rule)> Refused(HostSnapshot snapshot, IEnumerable<MsrValue> wanted)
    {
        KnownVmxCapabilities? maxima = PartlyKnownMsr.VmxOf(snapshot);
        KnownVmxCapabilities own = maxima.GetValueOrDefault();
        foreach (MsrValue msr in wanted.Where(static msr => VmxCapabilities.Has(msr.Index)))
        {
            if (snapshot.FeatureMsrIndices?.Value.Contains(msr.Index) is false && snapshot.SavedMsrs?.Value.Contains(msr.Index) is not true)
            {
                yield return (msr, ClauseTable.MsrUnknown);
                continue;
            }

            switch (maxima is { } known ? VmxRestore.Check(msr.Index, msr.Value, known, own) : null)
            {
                case { Accepted: true } when !IsUnwritable(msr.Index):
                    own = own.With(msr.Index, msr.Value);
                    break;
                case { Accepted: false } answer:
                    yield return (msr, RuleOf(answer.Rule));
                    break;
                default:
                    break;
            }
        }
    }

    private static bool IsUnwritable(uint index) => (Unwritable >> (int)(index - MsrIndex.Ia32VmxBasic) & 1) != 0;

    private static uint UnwritableOnes()
    {
        uint ones = 0;
        for (uint index = MsrIndex.Ia32VmxBasic; VmxCapabilities.Has(index); index++)
        {
            bool unwritable = VmxRestoreRules.Of(index) is [VmxRestoreRule.Derived or VmxRestoreRule.NotRestorable, ..];
            ones |= unwritable ? 1U << (int)(index - MsrIndex.Ia32VmxBasic) : 0;
        }

        return ones;
    }

    private VmxFixed1Span? Fixed1Span => Host.Behaviours.VmxCr4Fixed1 switch
    {
        VmxCr4Fixed1.Original => VmxFixed1Span.Original,
        VmxCr4Fixed1.WithLam => VmxFixed1Span.WithLam,
        VmxCr4Fixed1.WithCet => VmxFixed1Span.WithCet,
        _ => null,
    };

    private static RefusalRule Unknown(uint index) => MissingFact.Rule(string.Create(CultureInfo.InvariantCulture, $"featureMsrs {index:x}"));

    private static RefusalRule RuleOf(VmxRestoreRule rule) => rule switch
    {
        VmxRestoreRule.InVmxOperation => ClauseTable.MsrVmxVmxon,
        VmxRestoreRule.Derived => ClauseTable.MsrVmxDerived,
        _ => VmxRestoreClauses.Of(rule).Rule,
    };
}
