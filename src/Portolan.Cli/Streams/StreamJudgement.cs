using System.Collections.Immutable;
using Portolan.Cli.Check;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>What loading a stream on a host comes to.</summary>
/// <param name="Host">The host's name.</param>
/// <param name="Report">The verdict as every output renders it.</param>
/// <param name="Dropped">MSRs with a value that the host's VMM drops.</param>
/// <param name="Unjudged">State that is not held against the host.</param>
/// <param name="Disagreement">What the two engines do not agree on; null if they agree.</param>
internal sealed record StreamJudgement(string Host, VerdictReport Report, ImmutableArray<DroppedMsr> Dropped, ImmutableArray<UnjudgedState> Unjudged, string? Disagreement)
{
    private const uint AddressWidths = 0x80000008;

    /// <summary>The fact that a stream does not tell and that no host's snapshot can.</summary>
    public const string GuestCpuid = "the guest's CPUID, which a stream does not carry: what it was promised beyond XCR0 and CR4";

    /// <summary>
    /// Judges the loading of every vCPU on one host. Without a contract the guest is taken to have been given all that the host supports: what is
    /// refused even then is refused for every guest. What is not, depends on what it was promised.
    /// </summary>
    public static StreamJudgement Of(JudgedGuest saved, string name, HostSnapshot host, RestorePolicy vmm, bool withHashes)
    {
        (ImmutableArray<JudgedVcpu> vcpus, GuestContract? contract) = (saved.Vcpus, saved.Promise.Contract);
        GuestContract guest = contract ?? MostGenerous(vcpus, host);
        XsaveLayout layout = host.SupportedCpuid is { } cpuid && XsaveLayout.TryFrom(cpuid.Value, out XsaveLayout own, out _) ? own : XsaveLayout.Legacy;
        ImmutableArray<uint>? listed = host.SavedMsrs?.Value;
        RouteQuestion question = new() { Guest = guest, Hosts = [new JudgedHost(name, host)], Vmm = vmm };
        int? width = contract is not null && contract.Cpuid.TryGet(AddressWidths, 0, out CpuidValues widths) ? (int)(widths.Eax & byte.MaxValue) : null;
        ImmutableArray<UnjudgedState> unjudged = [.. vcpus.SelectMany(vcpu => vcpu.Unjudged(width, listed))];
        List<VcpuJudgement> judged = [];
        string? disagreement = null;
        foreach (JudgedVcpu vcpu in vcpus)
        {
            EnginesAnswer answer = Engines.Judge(question with { State = StateOn(vcpu, layout, listed) });
            disagreement ??= answer.Disagreement;
            judged.AddRange(answer.Judgements.Select(judgement => new VcpuJudgement(vcpu.Id, Completed(judgement, contract, unjudged.Where(state => state.Vcpu == vcpu.Id)))));
        }

        ReportedSettings settings = new(vmm == RestorePolicy.Ignores ? "ignores" : "reports", question.Order.Name, "first", "exact", null);
        VerdictReport report = VerdictReporting.Of(question, settings, judged, withHashes);
        return new StreamJudgement(
            name, report with { ExitCode = (int)CheckAnswer.CodeOf(report.Verdict, failOnWarnings: false) }, [.. vcpus.SelectMany(vcpu => vcpu.Dropped(listed))], unjudged, disagreement);
    }

    /// <summary>What a host could have promised at most, with what the state shows to be in use.</summary>
    private static GuestContract MostGenerous(ImmutableArray<JudgedVcpu> vcpus, HostSnapshot host)
    {
        XFeatureMask components = vcpus.Aggregate(XFeatureMask.None, static (all, vcpu) => all | (vcpu.Xcr0 ?? XFeatureMask.None));
        GuestRequest request = new()
        {
            Name = "a guest of whom nothing was said",
            Permission = components & XFeatureTable.Dynamic,
            Hyperv = vcpus.Any(static vcpu => vcpu.UsesHyperv),
            EnlightenedVmcs = vcpus.Any(static vcpu => vcpu.UsesEvmcs),
        };
        GuestContract? contract = GuestDefinition.From(host, request).Contract ?? GuestDefinition.From(host, new GuestRequest { Name = request.Name }).Contract;
        return contract ?? new GuestContract { Name = request.Name, Cpuid = CpuidTable.Empty };
    }

    /// <summary>
    /// The state as it is judged. An MP state other than runnable exists only with an in-kernel interrupt controller, which the source then had and
    /// the destination will have: KVM takes every one of them there.
    /// </summary>
    private static VcpuState StateOn(JudgedVcpu vcpu, XsaveLayout layout, ImmutableArray<uint>? listed)
    {
        VcpuState state = vcpu.StateOn(layout, listed);
        return state.MpState is <= KvmMpState.SipiReceived ? state with { MpState = KvmMpState.Runnable } : state;
    }

    /// <summary>The engines' judgement with what they could not know: state that may be refused, and the missing contract.</summary>
    private static Judgement Completed(Judgement judgement, GuestContract? contract, IEnumerable<UnjudgedState> unjudged)
    {
        Judgement known = contract is null ? WithoutContract(judgement) : judgement;
        return known with { Missing = [.. known.Missing, .. unjudged.Where(static state => state.IsUnknown).Select(static state => new MissingEvidence(0, $"whether {state.What} of vCPU {state.Vcpu} is taken"))] };
    }

    /// <summary>
    /// Without a contract only what KVM or the VMM refuses counts, and no answer is better than unknown: what the guest was promised is not known.
    /// </summary>
    private static Judgement WithoutContract(Judgement judgement) => judgement with
    {
        Findings = [.. judgement.Findings.Where(static finding => finding.Severity is ClauseSeverity.Blocks or ClauseSeverity.Corrupts && !finding.Rule.Id.StartsWith("promise.", StringComparison.Ordinal))],
        Missing = [.. judgement.Missing, new MissingEvidence(0, GuestCpuid)],
    };
}
