using Portolan.Compatibility.Judging;
using Portolan.Kvm.Routes;

namespace Portolan.Compatibility.Run;

/// <summary>
/// The engine that lets the guest take the route on models of the hosts, call by call, and tells what was refused, what was lost and what
/// the guest sees otherwise. It knows no clause of its own: each finding carries the rule by which a model answered. What no call decides
/// (the VMM, the clock, a policy) it does not judge.
/// </summary>
public static class ModelJudge
{
    /// <summary>Takes the route and judges it.</summary>
    public static Judgement Judge(RouteQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentOutOfRangeException.ThrowIfZero(question.Hosts.Length);
        HostModel[] models = new HostModel[question.Hosts.Length];
        RouteHost[] hosts = new RouteHost[models.Length];
        for (int hop = 0; hop < models.Length; hop++)
        {
            JudgedHost host = question.Hosts[hop];
            models[hop] = host.Model(question.EvmcsDesign);
            hosts[hop] = models[hop].Process(host.Name, !question.Unpermitted.Contains(hop));
        }

        RouteTrace trace = RouteRunner.Run(question.Guest, hosts, OptionsOf(question));
        return new TraceReading(question, models, trace).Judge();
    }

    private static RouteOptions OptionsOf(RouteQuestion question) => new()
    {
        Order = question.Order,
        Policy = question.Vmm,
        VcpuSetup = question.VcpuSetup,
        EvmcsRevision = question.EvmcsRevision,
        State = question.State,
        NestedControls = question.NestedControls ?? [],
        EntersNestedGuest = question.NestedControls is not null,
        UsesEveryControl = question.NestedControls is null,
        Diagnoses = true,
        Silent = true,
    };
}
