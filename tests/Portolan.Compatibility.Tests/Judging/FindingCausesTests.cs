using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;

namespace Portolan.Compatibility.Tests.Judging;

public sealed class FindingCausesTests
{
    [Fact]
    public void Findings_between_two_kernels_of_one_host_are_the_kernels()
    {
        HostSnapshot later = BaseHosts.Shipped.Single(static host => host.Name == "amd-qemu-max-6.12.117");
        (Judgement judgement, FindingCauses causes) = Judge(later, Predictor.WithKernel(later, new KernelRelease(5, 10, 218)));

        Attribution?[] found = [.. judgement.Findings.Where(static finding => finding.Hop == 1 && finding.IsIncompatible).Select(causes.Of)];

        Assert.NotEmpty(found);
        Assert.All(found.OfType<Attribution>(), static cause => Assert.Equal([Cause.Kernel], cause.Causes.ToArray()));
        Assert.Contains(found, static cause => cause is { Certainty: Certainty.Certain });
    }

    [Fact]
    public void A_feature_lost_with_a_module_parameter_is_configuration()
    {
        HostSnapshot host = BaseHosts.Shipped.Single(static host => host.Name == "intel-bochs-skylake-x-6.12.117");
        (Judgement judgement, FindingCauses causes) = Judge(host, Predictor.WithModuleParameter(host, "kvm_intel.nested", "N"));

        Finding vmx = judgement.Findings.First(static finding => finding.Rule.Id == "promise.cpuid");

        Assert.Equal("configuration", causes.Of(vmx)!.Words);
    }

    [Fact]
    public void Nothing_found_where_the_guest_starts_has_a_cause()
    {
        HostSnapshot host = Hosts.Spr("6.1.192");
        (Judgement judgement, FindingCauses causes) = Judge(host, Hosts.Skx("5.10.218"));

        Assert.All(judgement.Findings.Where(static finding => finding.Hop == 0), finding => Assert.Null(causes.Of(finding)));
        Assert.Contains(judgement.Findings, finding => finding.Hop == 1 && causes.Of(finding) is { Causes: var named } && named.Contains(Cause.Hardware));
    }

    private static (Judgement Judgement, FindingCauses Causes) Judge(HostSnapshot one, HostSnapshot other)
    {
        GuestContract guest = GuestDefinition.From(one, new GuestRequest()).Contract!;
        RouteQuestion question = new() { Guest = guest, Hosts = [new JudgedHost("A", one), new JudgedHost("B", other)] };
        return (ClauseJudge.Judge(question), new FindingCauses(question));
    }
}
