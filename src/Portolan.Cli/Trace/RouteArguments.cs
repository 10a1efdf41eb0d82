using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Kvm.Capture;
using Portolan.X86.Vmx;

namespace Portolan.Cli.Trace;

/// <summary>The options that say which guest takes which route, and how: the same for every verb that takes one.</summary>
internal sealed class RouteArguments
{
    /// <summary>The word for "no control but those that must be set".</summary>
    private const string NoControl = "none";

    private readonly Option<string?> _guest = new("--guest") { Description = "The guest's contract.", HelpName = "FILE" };
    private readonly Option<string[]> _via = CommonOptions.Hosts(
        "--via", "The hosts' snapshots in order, by commas; the guest starts on the first. shipped:NAME is a host that comes with the program.", "H1,H2,…", required: false);

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

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_guest, _via, _state, _order, _vmm, _enable, _nested, _unpermitted])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What was asked, or one line that says why it makes no sense.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="mayLackHosts">May the hosts be left out?</param>
    public (RouteAsked? Asked, string? Fault) Of(ParseResult parsed, bool mayLackHosts = false)
    {
        string[] via = parsed.GetValue(_via) ?? [];
        string[] names = parsed.GetValue(_nested) ?? [];
        int[] unpermitted = parsed.GetValue(_unpermitted) ?? [];
        if (parsed.GetValue(_guest) is not { } guest || (via.Length == 0 && !mayLackHosts))
        {
            return (null, $"--guest and --via are needed, or --case or --cases; see 'portolan {parsed.CommandResult.Command.Name} --help'");
        }

        if (names.FirstOrDefault(static name => name != NoControl && !VmxControls.OfQemu(name).Any()) is { } unknown)
        {
            return (null, $"--nested-control {unknown}: no VMX control has that QEMU name; use names as in 'vmx-exit-load-perf-global-ctrl'");
        }

        if (!mayLackHosts && unpermitted.Any(host => host < 1 || host > via.Length))
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"--unpermitted: the route's hosts are counted from 1 to {via.Length}"));
        }

        string[] controls = [.. names.Where(static name => name != NoControl)];
        return (new RouteAsked(guest, [.. via], parsed.GetValue(_state))
        {
            Order = parsed.GetRequiredValue(_order) == "selftest" ? RestoreOrder.Selftest : RestoreOrder.Qemu,
            Policy = parsed.GetRequiredValue(_vmm) == "ignores" ? RestorePolicy.Ignores : RestorePolicy.Reports,
            EnlightenedVmcsLast = parsed.GetRequiredValue(_enable) == "last",
            NestedNames = names.Length == 0 ? null : [.. controls],
            Unpermitted = [.. unpermitted.Select(static host => host - 1)],
        }, null);
    }

    /// <summary>An option that takes one of some words; the first if it is not given.</summary>
    public static Option<string> Words(string name, string description, params string[] words)
    {
        Option<string> option = new(name) { Description = $"{description} ({string.Join(" or ", words)})", HelpName = string.Join('|', words), DefaultValueFactory = _ => words[0] };
        option.AcceptOnlyFromAmong(words);
        return option;
    }
}

/// <summary>A route as it was asked for.</summary>
/// <param name="Guest">The contract's file.</param>
/// <param name="Via">The snapshots' files in order.</param>
/// <param name="State">The state's file, if one was given.</param>
internal sealed record RouteAsked(string Guest, ImmutableArray<string> Via, string? State)
{
    public required RestoreOrder Order { get; init; }

    public RestorePolicy Policy { get; init; }

    public bool EnlightenedVmcsLast { get; init; }

    /// <summary>The QEMU names of the VMX controls the guest uses for its own guest; null if it enters none.</summary>
    public ImmutableArray<string>? NestedNames { get; init; }

    /// <summary>Hosts, by hop, whose VMM does not request dynamic components.</summary>
    public ImmutableHashSet<int> Unpermitted { get; init; } = [];

    /// <summary>The controls' bits; null if the guest enters no guest of its own.</summary>
    public ImmutableArray<VmxControlBit>? NestedControls
        => NestedNames is { } names ? [.. names.SelectMany(VmxControls.OfQemu).Select(static control => new VmxControlBit(control.Group, control.Low))] : null;

    /// <summary>The order in which the VMM prepares a vCPU.</summary>
    public ImmutableArray<SetupPart> VcpuSetup => EnlightenedVmcsLast ? GuestSetup.EnlightenedVmcsLast : GuestSetup.QemuVcpuSteps;
}
