using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats.CloudHypervisor;
using Portolan.Streams;
using Portolan.Streams.Cpu;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>A saved guest whose loading is judged: its vCPUs, and what it was promised.</summary>
/// <param name="Name">The file as the user named it.</param>
/// <param name="MachineType">The VMM's machine type; null where it is not told.</param>
/// <param name="Vcpus">The vCPUs; never none.</param>
/// <param name="Promise">What it was promised, as far as that is known.</param>
internal sealed record JudgedGuest(string Name, string? MachineType, ImmutableArray<JudgedVcpu> Vcpus, StreamPromise Promise)
{
    /// <summary>Reads a stream, a save image, or a Cloud Hypervisor snapshot, which carries its own promise.</summary>
    /// <param name="terminal">The terminal.</param>
    /// <param name="name">The file.</param>
    /// <param name="given">What the user gave of the promise.</param>
    public static Reading<JudgedGuest> Read(Terminal terminal, string name, StreamPromise given)
    {
        if (SnapshotFile.Read(terminal, name) is { } snapshot)
        {
            return snapshot.Ok ? Reading.Of(OfSnapshot(name, snapshot.Value, given)) : Reading.Refused<JudgedGuest>(snapshot.Fault);
        }

        Reading<StreamInput> input = StreamInput.ReadWhole(terminal, name);
        return input.Ok ? OfStream(name, input.Value.Stream, given.OrOf(terminal, name, input.Value.File?.Image)) : Reading.Refused<JudgedGuest>(input.Fault);
    }

    /// <summary>The guest in a stream; a fault where no vCPU can be decoded, or where the promise is another guest's.</summary>
    public static Reading<JudgedGuest> OfStream(string name, MigrationStream stream, StreamPromise promise)
    {
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(stream, out StreamFault? undecoded);
        InputFault? fault = undecoded is not null ? StreamInput.FaultOf(name, undecoded)
            : vcpus.IsEmpty ? new InputFault(name, "a stream with a vCPU", "none", "give the stream of a whole VM")
            : promise.Contradiction(stream);
        return fault is null
            ? Reading.Of(new JudgedGuest(name, stream.Configuration?.MachineType, [.. vcpus.Select(static vcpu => new QemuVcpu(vcpu))], promise))
            : Reading.Refused<JudgedGuest>(fault);
    }

    private static JudgedGuest OfSnapshot(string name, CloudHypervisorSnapshot snapshot, StreamPromise given) => new(
        name,
        null,
        [.. snapshot.State.Vcpus.Select(static vcpu => new CloudHypervisorVcpu(vcpu))],
        given.Contract is null ? new StreamPromise(snapshot.Contract, name) : given);
}
