using System.CommandLine;

namespace Portolan.Cli.Cases;

/// <summary>Which acceptance cases are asked for.</summary>
internal sealed class CaseOptions
{
    private readonly Option<bool> _all = new("--cases") { Description = "Take every acceptance case." };
    private readonly Option<string[]> _some = new("--case")
    {
        Description = "Take one acceptance case.",
        HelpName = "ID",
        DefaultValueFactory = static _ => [],
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_all);
        command.Options.Add(_some);
    }

    public bool Asked(ParseResult parsed) => parsed.GetValue(_all) || parsed.GetValue(_some) is { Length: > 0 };

    /// <summary>The ids asked for; none means all.</summary>
    public IReadOnlyList<string> Of(ParseResult parsed) => parsed.GetValue(_all) ? [] : parsed.GetValue(_some) ?? [];
}
