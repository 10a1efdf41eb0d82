using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Attribution;

namespace Portolan.Documents.Verdicts;

/// <summary>A host of a route as an answer names it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="KernelRelease">Its kernel, if it is known.</param>
/// <param name="ContentHash">The content hash of its snapshot.</param>
/// <param name="Evidence">How well it is known.</param>
public sealed record ReportedHost(string Name, string? KernelRelease, string ContentHash, EvidenceCount Evidence);

/// <summary>How a question was asked, in the words of the command line.</summary>
/// <param name="Vmm">What the VMM does when a step fails: <c>reports</c> or <c>ignores</c>.</param>
/// <param name="Order">Whose restore order: <c>qemu</c> or <c>selftest</c>.</param>
/// <param name="EvmcsEnabled">Is eVMCS enabled before the feature MSRs are set (<c>first</c>) or after (<c>last</c>)?</param>
/// <param name="EvmcsPolicy">How a difference of eVMCS is judged: <c>exact</c> or <c>strict</c>.</param>
/// <param name="EvmcsDesign">The design every host is taken to have; null for each host's own.</param>
public sealed record ReportedSettings(string Vmm, string Order, string EvmcsEnabled, string EvmcsPolicy, string? EvmcsDesign)
{
    /// <summary>The VMX controls that the guest uses for its own guest; null if it may use all it was shown.</summary>
    public ImmutableArray<string>? NestedControls { get; init; }

    /// <summary>Hosts, by hop, whose VMM does not request dynamic components.</summary>
    public ImmutableArray<int> Unpermitted { get; init; } = [];

    /// <summary>The policy's file, if one was given.</summary>
    public string? Policy { get; init; }

    /// <summary>The day on which waivers were judged, as <c>2026-01-31</c>; null if it decided nothing.</summary>
    public string? Date { get; init; }
}

/// <summary>A finding as an answer gives it.</summary>
/// <param name="Clause">The clause's id.</param>
/// <param name="Severity">What it comes to here.</param>
/// <param name="Hop">How many hops lie behind the host: 0 where the guest starts.</param>
/// <param name="Host">The host's name.</param>
/// <param name="SubjectKind">The kind of thing it is about, as <see cref="Compatibility.Judging.SubjectKind"/> in camel case.</param>
/// <param name="SubjectId">Which one: a feature's name, an MSR's index, a component's number, a capability's name; empty where the kind says all.</param>
/// <param name="Words">Place, names and both values.</param>
public sealed record ReportedFinding(string Clause, ClauseSeverity Severity, int Hop, string Host, string SubjectKind, string SubjectId, FindingWords Words)
{
    /// <summary>What the clause demands.</summary>
    public string Statement { get; init; } = "";

    /// <summary>What happens when it is violated.</summary>
    public string Consequence { get; init; } = "";

    /// <summary>Who enforces it: <c>kvm</c>, <c>vmm</c> or <c>policy</c>.</summary>
    public string EnforcedBy { get; init; } = "";

    /// <summary>Where the clause is from.</summary>
    public string Source { get; init; } = "";

    /// <summary>The guest's value as the finding holds it.</summary>
    public ulong GuestValue { get; init; }

    /// <summary>The host's value as the finding holds it.</summary>
    public ulong HostValue { get; init; }

    /// <summary>The severity that the check found, where a policy made it another.</summary>
    public ClauseSeverity? JudgedSeverity { get; init; }

    /// <summary>The waiver that lowered its severity, if one did.</summary>
    public string? Waiver { get; init; }

    /// <summary>The vCPUs whose state shows it; empty where no state was given.</summary>
    public ImmutableArray<uint> Vcpus { get; init; } = [];

    /// <summary>Why this host differs from the one the guest came from; null where the finding is not about such a difference.</summary>
    public Attribution? Cause { get; init; }

    /// <summary>What it is about in one word, for lists: a feature's name, else the names of components, else the MSR.</summary>
    public string ShortName => SubjectKind switch
    {
        "feature" => SubjectId,
        "components" or "component" => Words.Names,
        "msr" or "vmxControls" when Words.Place.StartsWith("MSR ", StringComparison.Ordinal) => Words.Place[(Words.Place.IndexOf(' ', 4) + 1)..],
        _ => Words.Place,
    };

    /// <summary>The host with its hop: <c>hop 1, B</c>.</summary>
    public string At => string.Create(CultureInfo.InvariantCulture, $"hop {Hop}, {Host}");
}

/// <summary>A fact that decides and that a host's snapshot lacks.</summary>
/// <param name="Hop">The host, by hop.</param>
/// <param name="Host">The host's name.</param>
/// <param name="Fact">The fact: a behaviour's id or a field of the snapshot.</param>
/// <param name="Clause">The clause that it decides, if it is one.</param>
public sealed record ReportedGap(int Hop, string Host, string Fact, string? Clause);

/// <summary>A check's whole answer: text, JSON and HTML render it.</summary>
public sealed record VerdictReport
{
    /// <summary>The guest's name, if it has one.</summary>
    public string? Guest { get; init; }

    /// <summary>The content hash of the guest's contract.</summary>
    public required string GuestHash { get; init; }

    /// <summary>The hosts in order.</summary>
    public required ImmutableArray<ReportedHost> Hosts { get; init; }

    /// <summary>How the question was asked.</summary>
    public required ReportedSettings Settings { get; init; }

    /// <summary>Was a state judged? Without one it was the worst that the contract permits.</summary>
    public bool FromState { get; init; }

    /// <summary>The ids of the vCPUs whose states were judged.</summary>
    public ImmutableArray<uint> Vcpus { get; init; } = [];

    /// <summary>The verdict.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What the process answers.</summary>
    public int ExitCode { get; init; }

    /// <summary>The last hop that was judged.</summary>
    public int LastHop { get; init; }

    /// <summary>Every finding, the worst first, then by hop.</summary>
    public required ImmutableArray<ReportedFinding> Findings { get; init; }

    /// <summary>Facts that decide and are missing.</summary>
    public required ImmutableArray<ReportedGap> Missing { get; init; }

    /// <summary>What would make the route compatible, the cheapest first; null if it was not asked.</summary>
    public ImmutableArray<ReportedPlan>? Remedies { get; init; }

    /// <summary>Fields of the document that this program does not know. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The findings of one severity and hop and clause together, worst first: a clause is then said once.</summary>
    public IEnumerable<IGrouping<(ClauseSeverity Severity, int Hop, string Clause, string? Waiver), ReportedFinding>> ByClause
        => Findings.GroupBy(static finding => (finding.Severity, finding.Hop, finding.Clause, finding.Waiver));

    /// <summary>The guest's name for headings.</summary>
    public string GuestName => Guest ?? "the guest";

    /// <summary>The route for headings: <c>A → B → C</c>.</summary>
    public string Route => string.Join(" → ", Hosts.Select(static host => host.Name));

    /// <summary>The verdict and what it rests on, in one line: <c>incompatible: 1 blocks, 2 breaks</c>.</summary>
    public string Headline
    {
        get
        {
            List<string> parts = [.. Findings.GroupBy(static finding => finding.Severity).OrderByDescending(static group => group.Key)
                .Select(static group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {VerdictWords.Of(group.Key)}"))];
            if (!Missing.IsEmpty)
            {
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{Missing.Length} missing facts"));
            }

            return parts.Count == 0 ? $"{VerdictWords.Of(Verdict)}: nothing found" : $"{VerdictWords.Of(Verdict)}: {string.Join(", ", parts)}";
        }
    }

    /// <summary>What was judged, in one line: the state, and how far the route was followed.</summary>
    public string Judged
    {
        get
        {
            string state = !FromState ? "the worst state that the contract permits"
                : Vcpus.Length == 1 ? "the given state"
                : $"the given states of the vCPUs {string.Join(", ", Vcpus)}";
            return LastHop + 1 < Hosts.Length
                ? string.Create(CultureInfo.InvariantCulture, $"{state}, up to hop {LastHop}: the guest does not get further")
                : state;
        }
    }
}
