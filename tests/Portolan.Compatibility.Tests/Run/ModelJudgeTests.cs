using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;

namespace Portolan.Compatibility.Tests.Run;

/// <summary>The model's run on the cases of the discussion of 2023, and on what it cannot know.</summary>
public sealed class ModelJudgeTests
{
    private const ulong Pkru = 1 << 9;

    [Fact]
    public void An_oversaved_image_blocks_at_the_host_that_holds_it_to_the_promise()
    {
        Judgement judgement = ModelJudge.Judge(Question("G1", "G2b"));

        Finding blocks = Assert.Single(judgement.Findings, finding => finding.Severity == ClauseSeverity.Blocks);
        Assert.Equal("xsave.set.promised", blocks.Rule.Id);
        Assert.Equal((1, new Subject(SubjectKind.Components), 0x207UL), (blocks.Hop, blocks.Subject, blocks.Guest));
        Assert.Equal((Verdict.Incompatible, 1), (judgement.Verdict, judgement.LastHop));
    }

    [Fact]
    public void A_VMM_that_ignores_the_error_corrupts_the_guest_and_names_what_it_never_loaded()
    {
        Judgement judgement = ModelJudge.Judge(Question("G1", "G2b", "G3a") with { Vmm = RestorePolicy.Ignores });

        Assert.Equal(2, judgement.LastHop);
        Assert.Contains(judgement.Findings, finding => finding is { Rule.Id: "xsave.set.promised", Severity: ClauseSeverity.Corrupts, Hop: 1 });
        Assert.Equal(
            RestoreOrder.Qemu.After(VcpuPart.Xsave).Select(part => (uint)part),
            judgement.Findings.Where(finding => finding is { Rule.Id: "vmm.not-loaded", Hop: 1 }).Select(finding => finding.Subject.Number));
    }

    [Fact]
    public void An_unpromised_component_that_is_dropped_is_a_note()
    {
        Judgement judgement = ModelJudge.Judge(Question("G1", "G3a", "G3a"));

        Assert.Equal(Verdict.Compatible, judgement.Verdict);
        Assert.Equal([1, 2], judgement.Findings.Where(finding => finding.Rule.Id == "xsave.get.dropped" && finding.Guest == Pkru).Select(finding => finding.Hop));
    }

    [Fact]
    public void Every_refusal_of_a_host_is_found()
    {
        GuestContract guest = new() { Cpuid = Hosts.Guest(Hosts.Skx("6.1.192")), TscKhz = 1_000_000, Settings = new VmSettings(DisabledQuirks: 1 << 20, X2ApicApi: 64) };

        Judgement judgement = ModelJudge.Judge(new RouteQuestion { Guest = guest, Hosts = [Judged(Hosts.Skx("6.1.192").WithCapability("KVM_CAP_TSC_CONTROL", 0))] });

        Assert.Equal(["capability.quirks", "capability.argument", "tsc.khz"], judgement.Findings.Where(finding => finding.Severity == ClauseSeverity.Blocks).Select(finding => finding.Rule.Id));
    }

    [Fact]
    public void A_missing_fact_is_evidence_that_is_missing_and_hides_no_promise()
    {
        HostSnapshot silent = Hosts.AmdMax("6.1.192").Without("xsave.get-mask") with { SupportedXcr0 = null };
        GuestContract guest = new() { Cpuid = Hosts.Guest(Hosts.Skx("6.1.192")) };

        Judgement judgement = ModelJudge.Judge(new RouteQuestion { Guest = guest, Hosts = [Judged(Hosts.Skx("6.1.192")), Judged(silent)] });

        Assert.Contains(judgement.Missing, missing => missing is { Hop: 1, Fact: "supportedXcr0" });
        Assert.Contains(judgement.Findings, finding => finding is { Hop: 1, Rule.Id: "promise.cpuid" });
    }

    private static RouteQuestion Question(params string[] generations) => new()
    {
        Guest = new GuestContract { Cpuid = Hosts.Guest(Hosts.AmdMax("6.1.192"), Pkru) },
        Hosts = [.. generations.Select(generation => Judged(Hosts.AmdMax("6.1.192").As(generation)))],
    };

    private static JudgedHost Judged(HostSnapshot snapshot) => new(snapshot.Name ?? "host", snapshot);
}
