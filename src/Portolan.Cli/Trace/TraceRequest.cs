using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Model;
using Portolan.Kvm.Routes;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Vmx;

namespace Portolan.Cli.Trace;

/// <summary>A route that was asked for.</summary>
internal sealed record TraceRequest
{
    public required string Guest { get; init; }

    public required IReadOnlyList<string> Via { get; init; }

    public string? State { get; init; }

    public required RestoreOrder Order { get; init; }

    public RestorePolicy Policy { get; init; }

    public bool EnlightenedVmcsLast { get; init; }

    public bool EntersNestedGuest { get; init; }

    public ImmutableArray<VmxControlBit> NestedControls { get; init; } = [];

    public ImmutableArray<int> Unpermitted { get; init; } = [];

    public bool Live { get; init; }

    /// <summary>Reads the files and takes the route; a fault says which file is wrong, or what the host lacks.</summary>
    public TraceResult Run(Terminal terminal)
    {
        Reading<GuestContract> guest = InputFile.Contract(terminal, Guest);
        if (!guest.Ok)
        {
            return new TraceResult { Fault = guest.Fault };
        }

        RouteOptions options = new()
        {
            Order = Order,
            Policy = Policy,
            VcpuSetup = EnlightenedVmcsLast ? GuestSetup.EnlightenedVmcsLast : GuestSetup.QemuVcpuSteps,
            EntersNestedGuest = EntersNestedGuest,
            NestedControls = NestedControls,
            RunsGuestCode = !Live,
        };
        if (State is not null)
        {
            Reading<GuestState> state = InputFile.State(terminal, State);
            if (!state.Ok)
            {
                return new TraceResult { Fault = state.Fault };
            }

            if (state.Value.Vcpus.IsEmpty)
            {
                return new TraceResult { Fault = new InputFault(State, "a state with at least one vCPU", "none", "capture one vCPU at least") { JsonPath = "$.vcpus" } };
            }

            options = options with { State = state.Value.Vcpus[0] };
        }

        return Live ? OnThisMachine(guest.Value, options) : OnModels(terminal, guest.Value, options);
    }

    private TraceResult OnModels(Terminal terminal, GuestContract guest, RouteOptions options)
    {
        List<RouteHost> hosts = [];
        foreach (string file in Via)
        {
            Reading<HostSnapshot> host = InputFile.Host(terminal, file);
            if (!host.Ok)
            {
                return new TraceResult { Fault = host.Fault };
            }

            ModelSystem? model = ModelSystem.TryCreate(host.Value, out ImmutableArray<string> missing);
            if (model is null)
            {
                return new TraceResult { Unknown = $"{file}: the snapshot does not say {string.Join(", ", missing)}; nothing can be said of a route over this host" };
            }

            hosts.Add(new RouteHost(host.Value.Name ?? Path.GetFileNameWithoutExtension(file), model) { RequestsPermission = !Unpermitted.Contains(hosts.Count + 1) });
        }

        return new TraceResult { Trace = RouteRunner.Run(guest, hosts, options) };
    }

    /// <summary>As many stays on this machine as hosts were named, two at least: from one VM into the next.</summary>
    private TraceResult OnThisMachine(GuestContract guest, RouteOptions options)
    {
        if (!LinuxKvm.TryOpen(out KvmSystem? system, out string? reason))
        {
            return new TraceResult { Unavailable = reason };
        }

        using (system)
        {
            IKvmSystem live = system;
            RouteHost[] stays = [.. Enumerable.Range(1, Math.Max(2, Via.Count)).Select(stay => new RouteHost($"this machine, VM {stay}", live))];
            return new TraceResult { Trace = RouteRunner.Run(guest, stays, options) };
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
