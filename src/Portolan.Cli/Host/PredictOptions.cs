using System.CommandLine;
using Portolan.Cli.Frame;

namespace Portolan.Cli.Host;

/// <summary>The options of <c>portolan host predict</c>.</summary>
internal sealed class PredictOptions
{
    private readonly Option<string?> _cpu = new("--cpu") { Description = "Start from a CPU line instead of a snapshot, as in 'sapphire-rapids'.", HelpName = "LINE" };
    private readonly Option<string?> _kernel = new("--kernel") { Description = "Under this upstream kernel, as in 6.1.59.", HelpName = "RELEASE" };
    private readonly Option<string?> _xsave = new("--xsave") { Description = "With the XSAVE behaviours of this generation, G0 … G3b.", HelpName = "GENERATION" };
    private readonly Option<string?> _evmcs = new("--evmcs") { Description = "With the eVMCS behaviours of this generation, E-a … E-g.", HelpName = "GENERATION" };
    private readonly Option<string[]> _withoutXFeature = Many("--without-xfeature", "Without this XSAVE component.", "NAME");
    private readonly Option<string[]> _without = Many("--without", "Without this CPU feature and what depends on it, by any of its names.", "FEATURE");
    private readonly Option<string?> _microcode = CommonOptions.Microcode("With this microcode revision, as in 0x2006e05.");
    private readonly Option<string[]> _parameters = Many(ModuleParameterWords.Option, "With this module parameter, as in kvm_intel.nested=0.", "NAME=VALUE");
    private readonly Option<string?> _name = new("--name") { Description = "The snapshot's name.", HelpName = "NAME" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_cpu, _kernel, _xsave, _evmcs, _withoutXFeature, _without, _microcode, _parameters, _name])
        {
            command.Options.Add(option);
        }
    }

    public PredictRequest Of(ParseResult parsed) => PredictRequest.From(new PredictWords
    {
        Cpu = parsed.GetValue(_cpu),
        Kernel = parsed.GetValue(_kernel),
        Xsave = parsed.GetValue(_xsave),
        Evmcs = parsed.GetValue(_evmcs),
        WithoutXFeatures = parsed.GetValue(_withoutXFeature) ?? [],
        WithoutFeatures = parsed.GetValue(_without) ?? [],
        Microcode = parsed.GetValue(_microcode),
        ModuleParameters = parsed.GetValue(_parameters) ?? [],
        Name = parsed.GetValue(_name),
    });

    private static Option<string[]> Many(string name, string description, string word)
        => new(name) { Description = description, HelpName = word, DefaultValueFactory = static _ => [] };
}
