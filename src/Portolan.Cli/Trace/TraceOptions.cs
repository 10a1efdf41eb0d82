using System.CommandLine;

namespace Portolan.Cli.Trace;

/// <summary>The options of <c>portolan trace</c>.</summary>
internal sealed class TraceOptions
{
    private readonly RouteArguments _route = new();
    private readonly Option<bool> _live = new("--live") { Description = "Take the same steps on this machine's /dev/kvm." };

    public void AddTo(Command command)
    {
        _route.AddTo(command);
        command.Options.Add(_live);
    }

    /// <summary>What was asked, or one line that says why it makes no sense.</summary>
    public (TraceRequest? Request, string? Fault) Of(ParseResult parsed)
    {
        bool live = parsed.GetValue(_live);
        (RouteAsked? asked, string? fault) = _route.Of(parsed, mayLackHosts: live);
        return (asked is null ? null : new TraceRequest(asked, live), fault);
    }
}
