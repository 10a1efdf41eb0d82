using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Model;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Trace;

/// <summary>A route that was asked for.</summary>
/// <param name="Asked">The route.</param>
/// <param name="Live">On this machine, not on models?</param>
internal sealed record TraceRequest(RouteAsked Asked, bool Live)
{
    /// <summary>Reads the files and takes the route; a fault says which file is wrong, or what the host lacks.</summary>
    public TraceResult Run(Terminal terminal)
    {
        Reading<RouteFiles> files = RouteFiles.Read(terminal, Live ? Asked with { Via = [] } : Asked);
        return !files.Ok ? new TraceResult { Fault = files.Fault }
            : Live ? OnThisMachine(files.Value)
            : OnModels(files.Value);
    }

    /// <summary>Takes the route on models of the hosts, with the first vCPU's state where one was given.</summary>
    public TraceResult OnModels(RouteFiles files)
    {
        List<RouteHost> hosts = [];
        foreach ((string name, Kvm.Snapshot.HostSnapshot snapshot) in files.Hosts)
        {
            ModelSystem? model = ModelSystem.TryCreate(snapshot, out ImmutableArray<string> missing);
            if (model is null)
            {
                return new TraceResult { Unknown = $"{name}: the snapshot does not say {string.Join(", ", missing)}; nothing can be said of a route over this host" };
            }

            hosts.Add(new RouteHost(name, model) { RequestsPermission = !Asked.Unpermitted.Contains(hosts.Count) });
        }

        return new TraceResult { Trace = RouteRunner.Run(files.Guest, hosts, OptionsOf(files)) };
    }

    private RouteOptions OptionsOf(RouteFiles files) => new()
    {
        Order = Asked.Order,
        Policy = Asked.Policy,
        VcpuSetup = Asked.VcpuSetup,
        EntersNestedGuest = Asked.NestedControls is not null,
        NestedControls = Asked.NestedControls ?? [],
        RunsGuestCode = !Live,
        State = files.Vcpus.IsEmpty ? null : files.Vcpus[0],
    };

    /// <summary>As many stays on this machine as hosts were named, two at least: from one VM into the next.</summary>
    private TraceResult OnThisMachine(RouteFiles files)
    {
        if (!LinuxKvm.TryOpen(out KvmSystem? system, out string? reason))
        {
            return new TraceResult { Unavailable = reason };
        }

        using (system)
        {
            IKvmSystem live = system;
            RouteHost[] stays = [.. Enumerable.Range(1, Math.Max(2, Asked.Via.Length)).Select(stay => new RouteHost($"this machine, VM {stay}", live))];
            return new TraceResult { Trace = RouteRunner.Run(files.Guest, stays, OptionsOf(files)) };
        }
    }
}

/// <summary>A trace, or why there is none.</summary>
internal sealed record TraceResult
{
    public RouteTrace? Trace { get; init; }

    public InputFault? Fault { get; init; }

    public string? Unknown { get; init; }

    public string? Unavailable { get; init; }

    /// <summary>Says why there is no trace.</summary>
    public ExitCode Refuse(Terminal terminal)
    {
        if (Fault is not null)
        {
            return terminal.Refuse(Fault);
        }

        if (Unavailable is not null)
        {
            return terminal.RefuseHost(Unavailable);
        }

        terminal.Say(Unknown ?? "there is no trace");
        return ExitCode.Unknown;
    }
}
