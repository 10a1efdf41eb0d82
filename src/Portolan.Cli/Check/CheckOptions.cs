using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;

namespace Portolan.Cli.Check;

/// <summary>The options of <c>portolan check</c>.</summary>
internal sealed class CheckOptions
{
    private const string DesignBehaviour = "evmcs.design";

    private readonly RouteArguments _route = new();
    private readonly Option<string> _policy = RouteArguments.Words("--evmcs-policy", "Must what was requested of eVMCS exist on both sides whatever the hardware?", "exact", "strict");
    private readonly Option<string?> _design = new("--evmcs-design") { Description = "The design of eVMCS that every host is taken to have; without it each host's own.", HelpName = string.Join('|', Designs) };
    private readonly Option<bool> _explain = new("--explain") { Description = "Say what would make the route compatible, the cheapest first; each answer was judged again." };
    private readonly Option<bool> _failOnWarnings = new("--fail-on-warnings") { Description = "Answer exit code 2 where the verdict has warnings." };

    /// <summary>The policy and the day.</summary>
    public PolicyOptions Policy { get; } = new();

    private static IEnumerable<string> Designs => BehaviourTable.All.ToArray().Where(static row => row.Id == DesignBehaviour).Select(static row => row.Value);

    public void AddTo(Command command)
    {
        _design.AcceptOnlyFromAmong([.. Designs]);
        _route.AddTo(command);
        foreach (Option option in (Option[])[_policy, _design, _explain, _failOnWarnings])
        {
            command.Options.Add(option);
        }

        Policy.AddTo(command);
    }

    /// <summary>What was asked, or one line that says why it makes no sense.</summary>
    public (CheckRequest? Request, string? Fault) Of(ParseResult parsed)
    {
        (RouteAsked? route, string? fault) = _route.Of(parsed);
        if (route is null)
        {
            return (null, fault);
        }

        string? design = parsed.GetValue(_design);
        return (new CheckRequest(route, design)
        {
            EvmcsPolicy = parsed.GetRequiredValue(_policy) == "strict" ? EvmcsPolicy.Strict : EvmcsPolicy.Exact,
            EvmcsDesign = design is null ? null : KvmBehaviours.Unknown.With(DesignBehaviour, design).EvmcsDesign,
            Explains = parsed.GetValue(_explain),
            FailOnWarnings = parsed.GetValue(_failOnWarnings),
        }, null);
    }
}
