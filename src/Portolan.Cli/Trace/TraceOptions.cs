using System.CommandLine;
using System.CommandLine.Parsing;
using Portolan.Kvm.Capture;
using Portolan.X86.Vmx;

namespace Portolan.Cli.Trace;

/// <summary>The options of <c>portolan trace</c>.</summary>
internal sealed class TraceOptions
{
    private readonly Option<string?> _guest = new("--guest") { Description = "The guest's contract.", HelpName = "FILE" };
    private readonly Option<string[]> _via = new("--via")
    {
        Description = "The hosts' snapshots in order, by commas; the guest starts on the first. shipped:NAME is a host that comes with the program.",
        HelpName = "H1,H2,…",
        DefaultValueFactory = static _ => [],
        CustomParser = Commas,
    };

    private readonly Option<string?> _state = new("--state") { Description = "The state the guest has on the first host; without it, the most the contract permits.", HelpName = "FILE" };
    private readonly Option<string> _order = Words("--order", "The VMM's restore order.", "qemu", "selftest");
    private readonly Option<string> _vmm = Words("--vmm", "What the VMM does when a step fails.", "reports", "ignores");
    private readonly Option<string> _enable = Words("--evmcs-enabled", "Is the enlightened VMCS enabled before or after the feature MSRs are set?", "first", "last");
    private readonly Option<string[]> _nested = new("--nested-control")
    {
        Description = "Let the guest enter its own guest on every host with this VMX control set, by its QEMU name; 'none' sets only what must be set.",
        HelpName = "vmx-…",
        DefaultValueFactory = static _ => [],
    };

    private readonly Option<int[]> _unpermitted = new("--unpermitted")
    {
        Description = "A host, counted from 1, whose VMM does not request dynamic components.",
        HelpName = "N",
        DefaultValueFactory = static _ => [],
    };

    private readonly Option<bool> _live = new("--live") { Description = "Take the same steps on this machine's /dev/kvm." };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_guest, _via, _state, _order, _vmm, _enable, _nested, _unpermitted, _live])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What was asked, or one line that says why it makes no sense.</summary>
    public (TraceRequest? Request, string? Fault) Of(ParseResult parsed)
    {
        string[] via = parsed.GetValue(_via) ?? [];
        string[] names = parsed.GetValue(_nested) ?? [];
        string[] unknown = [.. names.Where(name => name != "none" && !VmxControls.OfQemu(name).Any())];
        bool live = parsed.GetValue(_live);
        if (parsed.GetValue(_guest) is not { } guest || (via.Length == 0 && !live))
        {
            return (null, "--guest and --via are needed, or --case or --cases; see 'portolan trace --help'");
        }

        if (unknown.Length > 0)
        {
            return (null, $"--nested-control {unknown[0]}: no VMX control has that QEMU name; use names as in 'vmx-exit-load-perf-global-ctrl'");
        }

        return (new TraceRequest
        {
            Guest = guest,
            Via = via,
            State = parsed.GetValue(_state),
            Order = parsed.GetRequiredValue(_order) == "selftest" ? RestoreOrder.Selftest : RestoreOrder.Qemu,
            Policy = parsed.GetRequiredValue(_vmm) == "ignores" ? RestorePolicy.Ignores : RestorePolicy.Reports,
            EnlightenedVmcsLast = parsed.GetRequiredValue(_enable) == "last",
            EntersNestedGuest = names.Length > 0,
            NestedControls = [.. names.SelectMany(VmxControls.OfQemu).Select(control => new VmxControlBit(control.Group, control.Low))],
            Unpermitted = [.. parsed.GetValue(_unpermitted) ?? []],
            Live = live,
        }, null);
    }

    private static Option<string> Words(string name, string description, params string[] words)
    {
        Option<string> option = new(name) { Description = $"{description} ({string.Join(" or ", words)})", HelpName = string.Join('|', words), DefaultValueFactory = _ => words[0] };
        option.AcceptOnlyFromAmong(words);
        return option;
    }

    private static string[] Commas(ArgumentResult result)
        => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
