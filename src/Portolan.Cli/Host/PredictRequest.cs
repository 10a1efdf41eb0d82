using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Host;

/// <summary>What was written on the command line of a prediction.</summary>
internal sealed record PredictWords
{
    public string? Cpu { get; init; }

    public string? Kernel { get; init; }

    public string? Xsave { get; init; }

    public string? Evmcs { get; init; }

    public IReadOnlyList<string> WithoutXFeatures { get; init; } = [];

    public IReadOnlyList<string> WithoutFeatures { get; init; } = [];

    public string? Microcode { get; init; }

    public IReadOnlyList<string> ModuleParameters { get; init; } = [];

    public string? Name { get; init; }
}

/// <summary>What a prediction is to change, each word looked up in its table.</summary>
internal sealed class PredictRequest
{
    private readonly PredictWords _words;
    private readonly List<Generation> _generations = [];
    private readonly List<CpuidFeature> _features = [];
    private XFeatureMask _components;

    private PredictRequest(PredictWords words) => _words = words;

    /// <summary>The CPU line to start from, if not from a snapshot.</summary>
    public CpuLine? Cpu { get; private set; }

    /// <summary>The kernel to go to.</summary>
    public KernelRelease? Kernel { get; private set; }

    /// <summary>The module parameters to set.</summary>
    public ImmutableSortedDictionary<string, string> Parameters { get; private set; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The first word that is in no table; null if all are.</summary>
    public string? Fault { get; private set; }

    public static PredictRequest From(PredictWords words)
    {
        PredictRequest request = new(words);
        request.Fault = request.LookUpCpu() ?? request.LookUpKernel() ?? request.LookUpGeneration("--xsave", "xsave", words.Xsave)
            ?? request.LookUpGeneration("--evmcs", "evmcs", words.Evmcs) ?? request.LookUpFeatures() ?? request.LookUpComponents() ?? request.LookUpParameters();
        return request;
    }

    /// <summary>The snapshot with everything changed, the kernel first.</summary>
    public HostSnapshot Apply(HostSnapshot host, bool kernelIsDone)
    {
        HostSnapshot changed = Kernel is { } kernel && !kernelIsDone ? Predictor.WithKernel(host, kernel) : host;
        changed = _generations.Aggregate(changed, OneChange.WithGeneration);
        changed = _features.Count > 0 ? OneChange.WithoutFeatures(changed, _features) : changed;
        changed = _components.IsEmpty ? changed : OneChange.WithoutXFeatures(changed, _components);
        changed = _words.Microcode is { } microcode ? OneChange.WithMicrocode(changed, microcode) : changed;
        changed = Parameters.Aggregate(changed, static (snapshot, parameter) => Predictor.WithModuleParameter(snapshot, parameter.Key, parameter.Value));
        return _words.Name is { } name ? changed with { Name = name } : changed;
    }

    private string? LookUpCpu()
    {
        if (_words.Cpu is not { } name)
        {
            return null;
        }

        Cpu = CpuLineTable.Find(name);
        return Cpu is null ? $"--cpu {name}: no such CPU line; choose among {string.Join(", ", CpuLineTable.All.Select(line => line.Name))}"
            : _words.Kernel is null ? "--cpu needs --kernel: what KVM offers depends on it"
            : null;
    }

    private string? LookUpKernel()
    {
        if (_words.Kernel is not { } text)
        {
            return null;
        }

        string? fault = CommonOptions.Kernel(text, out KernelRelease? release);
        Kernel = release;
        return fault;
    }

    private string? LookUpGeneration(string option, string family, string? name)
    {
        if (name is null)
        {
            return null;
        }

        Generation? generation = GenerationTable.Find(name);
        if (generation?.Family != family)
        {
            return $"{option} {name}: no such generation; choose among {string.Join(", ", GenerationTable.All.Where(row => row.Family == family).Select(row => row.Name))}";
        }

        _generations.Add(generation);
        return null;
    }

    private string? LookUpFeatures()
    {
        foreach (string name in _words.WithoutFeatures)
        {
            if (!FeatureTable.TryFind(name, out CpuidFeature? feature))
            {
                return $"--without {name}: no CPU feature has that name";
            }

            _features.Add(feature);
        }

        return null;
    }

    private string? LookUpComponents()
    {
        foreach (string name in _words.WithoutXFeatures)
        {
            if (!XFeatureTable.TryFind(name, out XFeature? component))
            {
                return $"--without-xfeature {name}: no XSAVE component has that name; choose among {XFeatureTable.Names(XFeatureTable.User)}";
            }

            _components |= XFeatureMask.Of(component.Component);
        }

        return null;
    }

    private string? LookUpParameters()
    {
        Parameters = ModuleParameterWords.Read(_words.ModuleParameters, out string? wrong);
        return wrong;
    }
}
