using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Capture;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>What a trace comes to, in sentences that text, JSON and HTML share.</summary>
public static class RouteSummary
{
    /// <summary>One line: how the route ended.</summary>
    public static string Headline(RouteTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        string host = trace.Hosts[trace.EndHop];
        return trace.End switch
        {
            RouteEnd.Arrived => trace.LosesState ? $"arrives at {host}, with state lost" : $"arrives at {host}",
            RouteEnd.ArrivedIncomplete => $"runs on at {host} without a part of its state",
            RouteEnd.Refused => trace.EndHop == 0 ? $"cannot start on {host}" : string.Create(CultureInfo.InvariantCulture, $"refused at hop {trace.EndHop}, on {host}"),
            _ => $"unknown on {host}: {string.Join(", ", trace.MissingFacts)}",
        };
    }

    /// <summary>
    /// The outcome in one word for tables and tests: <c>arrived</c> with what happened on the way, as in <c>arrived+dropped+unavailable</c>,
    /// or where, at which call and with which answer it ended, as in <c>refused@1:KVM_SET_XSAVE=EINVAL</c>.
    /// </summary>
    public static string Outcome(RouteTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        if (trace.End == RouteEnd.Unknown)
        {
            return "unknown:" + string.Join(",", trace.MissingFacts);
        }

        if (trace.End != RouteEnd.Arrived)
        {
            string where = trace.FirstRefusal is { } refusal
                ? string.Create(CultureInfo.InvariantCulture, $"{refusal.Hop}:{refusal.Call}={(refusal.Answer.Ok ? "stopped" : refusal.Answer.ToString())}")
                : trace.EndHop.ToString(CultureInfo.InvariantCulture);
            return $"{(trace.End == RouteEnd.Refused ? "refused" : "incomplete")}@{where}";
        }

        IEnumerable<string> marks = trace.Components.Select(at => at.Fate).Distinct().Order()
            .Where(fate => fate != ComponentFate.Carried)
            .Select(fate => fate.ToString().ToLowerInvariant());
        return string.Join('+', [
            "arrived", .. marks, .. trace.MsrsFiltered.IsEmpty ? (string[])[] : ["filtered"], .. trace.MissingPromises.IsEmpty ? (string[])[] : ["promise"], .. trace.MsrsLeftOut.IsEmpty ? (string[])[] : ["msrs"], .. trace.VisibleChanges.IsEmpty ? (string[])[] : ["visible"]]);
    }

    /// <summary>The rest, one fact a line, in the order in which it happened.</summary>
    public static ImmutableArray<string> Facts(RouteTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        List<string> facts = [];
        if (trace.FirstRefusal is { } refusal)
        {
            facts.Add(Refusal(refusal));
        }

        for (int hop = 0; hop < trace.Hosts.Length; hop++)
        {
            AddHop(trace, hop, facts);
        }

        if (!trace.NeverLoaded.IsEmpty)
        {
            facts.Add($"never loaded: {string.Join(", ", trace.NeverLoaded.Select(PartName))}");
        }

        return [.. facts];
    }

    /// <summary>A refusal: the call, its answer, the clause.</summary>
    public static string Refusal(RouteStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        string answer = step.Answer.Ok ? step.Essentials : $"{step.Answer} ({step.Essentials})";
        string clause = step.Answer.Rule is { } rule ? $" [{rule.Id}] {rule.Statement}" : "";
        return $"{step.Host}: {step.Call} {answer}{clause}";
    }

    /// <summary>An MSR's name as the manual spells it, with its index.</summary>
    public static string MsrName(uint index)
        => KnownMsrs.Find(index) is { } known
            ? string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H {known.Name}")
            : string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H");

    private static void AddHop(RouteTrace trace, int hop, List<string> facts)
    {
        string host = Label(trace, hop);
        foreach (IGrouping<ComponentFate, ComponentAt> fate in trace.Components.Where(at => at.Hop == hop).GroupBy(at => at.Fate).OrderBy(group => group.Key))
        {
            if (FateWords(fate.Key) is { } words)
            {
                facts.Add($"{host}: {XFeatureTable.Names(Mask(fate))} {words}");
            }
        }

        MissingPromise[] missing = [.. trace.MissingPromises.Where(promise => promise.Hop == hop)];
        if (missing.Length > 0)
        {
            facts.Add($"{host}: promised and not supported: {string.Join(", ", missing.Select(promise => promise.Feature.Name))}");
        }

        foreach (MovedComponent moved in trace.MovedComponents.Where(moved => moved.Hop == hop))
        {
            string here = moved.Read is { } place ? string.Create(CultureInfo.InvariantCulture, $"at {place.Offset}, {place.Size} bytes") : "nowhere";
            facts.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{host}: {XFeatureTable.Names(XFeatureMask.Of(moved.Component))} was saved at {moved.Saved.Offset}, {moved.Saved.Size} bytes, and is read {here}"));
        }

        foreach (GuestVisibleChange left in trace.MsrsLeftOut.Where(left => left.Hop == hop))
        {
            facts.Add(string.Create(CultureInfo.InvariantCulture, $"{host}: does not know {MsrName(left.Index)} = 0x{left.Before:x}; not loaded"));
        }

        foreach (GuestVisibleChange filtered in trace.MsrsFiltered.Where(filtered => filtered.Hop == hop))
        {
            facts.Add(string.Create(CultureInfo.InvariantCulture, $"{host}: the guest reads {MsrName(filtered.Index)} = 0x{filtered.After:x16}, the VMM set 0x{filtered.Before:x16}"));
        }

        foreach (GuestVisibleChange change in trace.VisibleChanges.Where(change => change.Hop == hop))
        {
            facts.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{host}: the guest reads {MsrName(change.Index)} = 0x{change.After:x16}, before 0x{change.Before:x16}"));
        }
    }

    /// <summary>The host's name; with the hop where the route visits it more than once.</summary>
    private static string Label(RouteTrace trace, int hop)
        => trace.Hosts.Count(name => name == trace.Hosts[hop]) == 1 ? trace.Hosts[hop] : string.Create(CultureInfo.InvariantCulture, $"{trace.Hosts[hop]} (hop {hop})");

    private static string? FateWords(ComponentFate fate) => fate switch
    {
        ComponentFate.Dropped => "left out of the saved image; never promised",
        ComponentFate.Lost => "left out of the saved image, though promised: its content is lost",
        ComponentFate.Corrupted => "has another content than it was saved with",
        ComponentFate.Refused => "not accepted",
        ComponentFate.NotLoaded => "not loaded",
        ComponentFate.Unavailable => "promised, and this host does not have it",
        _ => null,
    };

    private static XFeatureMask Mask(IEnumerable<ComponentAt> components)
        => components.Aggregate(XFeatureMask.None, static (mask, at) => mask | XFeatureMask.Of(at.Component));

    private static string PartName(VcpuPart part) => part switch
    {
        VcpuPart.VcpuEvents => "VCPU_EVENTS",
        VcpuPart.MpState => "MP_STATE",
        VcpuPart.TscDeadline => "MSR TSC_DEADLINE",
        VcpuPart.FeatureControl => "MSR FEATURE_CONTROL",
        VcpuPart.NestedState => "NESTED_STATE",
        VcpuPart.TscKhz => "TSC_KHZ",
        _ => part.ToString().ToUpperInvariant(),
    };
}
