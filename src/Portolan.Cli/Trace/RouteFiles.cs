using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;

namespace Portolan.Cli.Trace;

/// <summary>A route's files, read.</summary>
/// <param name="Guest">The contract.</param>
/// <param name="Hosts">The hosts in order, each with its name in answers.</param>
/// <param name="Vcpus">The states of the vCPUs; empty if none was given.</param>
internal sealed record RouteFiles(GuestContract Guest, ImmutableArray<(string Name, HostSnapshot Snapshot)> Hosts, ImmutableArray<VcpuState> Vcpus)
{
    /// <summary>Reads them; the fault says which file is wrong. A file that is named twice is read once.</summary>
    public static Reading<RouteFiles> Read(Terminal terminal, RouteAsked asked)
    {
        Reading<GuestContract> guest = InputFile.Contract(terminal, asked.Guest);
        if (!guest.Ok)
        {
            return Reading.Refused<RouteFiles>(guest.Fault);
        }

        ImmutableArray<VcpuState> vcpus = [];
        if (asked.State is not null)
        {
            Reading<GuestState> state = InputFile.State(terminal, asked.State);
            if (!state.Ok)
            {
                return Reading.Refused<RouteFiles>(state.Fault);
            }

            if (state.Value.Vcpus.IsEmpty)
            {
                return Reading.Refused<RouteFiles>(new InputFault(asked.State, "a state with at least one vCPU", "none", "capture one vCPU at least") { JsonPath = "$.vcpus" });
            }

            vcpus = state.Value.Vcpus;
        }

        Dictionary<string, HostSnapshot> read = new(StringComparer.Ordinal);
        foreach (string file in asked.Via.Distinct())
        {
            Reading<HostSnapshot> host = InputFile.Host(terminal, file);
            if (!host.Ok)
            {
                return Reading.Refused<RouteFiles>(host.Fault);
            }

            read.Add(file, host.Value);
        }

        return Reading.Of(new RouteFiles(guest.Value, [.. asked.Via.Select(file => (NameOf(file, read[file]), read[file]))], vcpus));
    }

    /// <summary>What answers call a host: its own name, else its file's.</summary>
    public static string NameOf(string file, HostSnapshot host) => host.Name ?? Path.GetFileNameWithoutExtension(file);
}
