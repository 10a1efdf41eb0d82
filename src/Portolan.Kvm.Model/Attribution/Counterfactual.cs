using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>What can be exchanged between two hosts, one by one.</summary>
[Flags]
internal enum Exchanged
{
    Nothing = 0,
    Cpu = 1,
    Kernel = 2,
    Parameters = 4,
    All = 7,
}

/// <summary>
/// Two hosts and everything between them: the source with the destination's CPU, kernel or module parameters. Exchanging one
/// thing and asking the tables what KVM would then answer tells which of them makes a fact differ.
/// </summary>
internal sealed class Counterfactual
{
    private readonly Dictionary<Exchanged, Scenario[]> _scenarios = [];
    private readonly HostPair _pair;
    private readonly Hardware _sourceCpu;
    private readonly Hardware _destinationCpu;

    private Counterfactual(HostPair pair, Hardware source, Hardware destination, Parameters before, Parameters after)
    {
        _pair = pair;
        _sourceCpu = source;
        _destinationCpu = destination;
        SourceParameters = before;
        DestinationParameters = after;
    }

    internal Parameters SourceParameters { get; }

    internal Parameters DestinationParameters { get; }

    /// <summary>Null where a release or a CPU is not known.</summary>
    internal static Counterfactual? Of(HostPair pair)
    {
        if (pair.SourceRelease is not { } from || pair.DestinationRelease is not { } to)
        {
            return null;
        }

        (Hardware? source, Parameters before) = Read(pair.Source, from);
        (Hardware? destination, Parameters after) = Read(pair.Destination, to);
        return source is null || destination is null ? null : new Counterfactual(pair, source, destination, before, after);
    }

    /// <summary>What KVM answers at a place with some things exchanged; null where the tables do not say.</summary>
    internal ulong? Value(Exchanged exchanged, FactPlace place)
        => ScenariosOf(exchanged).Select(scenario => scenario.Value(place)).FirstOrDefault(static value => value is not null);

    /// <summary>The rows of the source's or destination's release about a place.</summary>
    internal IReadOnlyList<ExposureRow> Rows(bool destination, FactPlace place)
        => ScenariosOf(destination ? Exchanged.All : Exchanged.Nothing)[0].Rows(place);

    /// <summary>The parameters on which a place depends and which are on at one side and off at the other.</summary>
    internal IReadOnlyList<string> Parameters(FactPlace place)
        => [.. Rows(false, place).Concat(Rows(true, place)).SelectMany(static row => row.When).Where(static condition => condition.Kind == ConditionKind.Param)
            .Select(static condition => condition.Name).Distinct().Where(name => SourceParameters.IsOn(name) != DestinationParameters.IsOn(name)).Order(StringComparer.Ordinal)];

    private static (Hardware? Cpu, Parameters Parameters) Read(HostSnapshot host, KernelRelease release)
    {
        CpuidVendor? vendor = host.AnyCpuid is { } cpuid ? CpuLineTable.VendorOf(cpuid) : null;
        Exposure? exposure = vendor is null ? null : Exposure.Of(release, vendor.Value);
        Parameters parameters = Prediction.Parameters.Of(host, exposure);
        return (Hardware.Of(host, exposure, parameters), parameters);
    }

    /// <summary>The scenario; two where both snapshots tell of one and the same CPU, for either may know more of it.</summary>
    private Scenario[] ScenariosOf(Exchanged exchanged)
    {
        if (!_scenarios.TryGetValue(exchanged, out Scenario[]? scenarios))
        {
            Hardware own = exchanged.HasFlag(Exchanged.Cpu) ? _destinationCpu : _sourceCpu;
            Hardware[] cpus = _pair.CpuVaries ? [own] : [_sourceCpu, _destinationCpu];
            KernelRelease release = (exchanged.HasFlag(Exchanged.Kernel) ? _pair.DestinationRelease : _pair.SourceRelease)!.Value;
            Parameters parameters = exchanged.HasFlag(Exchanged.Parameters) ? DestinationParameters : SourceParameters;
            _scenarios[exchanged] = scenarios = [.. cpus.Select(cpu => new Scenario(cpu, release, parameters, dynamicPermitted: null))];
        }

        return scenarios;
    }
}
