using System.Globalization;

namespace Portolan.Documents;

/// <summary>A kind of document and the major version of it that this program reads and writes.</summary>
/// <param name="Name">The kind's name in the schema field, as in <c>host-snapshot</c>.</param>
/// <param name="Major">The major version: within it, changes only add.</param>
public sealed record DocumentKind(string Name, int Major)
{
    /// <summary>What every schema field begins with.</summary>
    public const string SchemaPrefix = "portolan/";

    /// <summary>A host snapshot.</summary>
    public static DocumentKind HostSnapshot { get; } = new("host-snapshot", 1);

    /// <summary>A guest contract.</summary>
    public static DocumentKind GuestContract { get; } = new("guest-contract", 1);

    /// <summary>A guest state.</summary>
    public static DocumentKind GuestState { get; } = new("guest-state", 1);

    /// <summary>A host's measured behaviours: written, not read.</summary>
    public static DocumentKind HostClassification { get; } = new("host-classification", 1);

    /// <summary>The trace of a route: written, not read.</summary>
    public static DocumentKind Trace { get; } = new("trace", 1);

    /// <summary>The answer of a check.</summary>
    public static DocumentKind Verdict { get; } = new("verdict", 1);

    /// <summary>The verdicts of every pair of hosts: written, not read.</summary>
    public static DocumentKind VerdictMatrix { get; } = new("verdict-matrix", 1);

    /// <summary>Acceptance cases that were taken: written, not read.</summary>
    public static DocumentKind CaseRun { get; } = new("case-run", 1);

    /// <summary>The difference of two host snapshots: written, not read.</summary>
    public static DocumentKind HostDifference { get; } = new("host-difference", 1);

    /// <summary>The clauses of the KVM contract, in short: written, not read.</summary>
    public static DocumentKind ClauseList { get; } = new("clause-list", 1);

    /// <summary>All of one clause: written, not read.</summary>
    public static DocumentKind Clause { get; } = new("clause", 1);

    /// <summary>The numbered facts of the KVM contract with their clauses: written, not read.</summary>
    public static DocumentKind FactList { get; } = new("fact-list", 1);

    /// <summary>What is in a migration stream: written, not read.</summary>
    public static DocumentKind StreamInspection { get; } = new("stream-inspection", 1);

    /// <summary>On which hosts a migration stream loads: written, not read.</summary>
    public static DocumentKind StreamCheck { get; } = new("stream-check", 1);

    /// <summary>What two migration streams do not have alike: written, not read.</summary>
    public static DocumentKind StreamDifference { get; } = new("stream-difference", 1);

    /// <summary>What was changed in a migration stream: written, not read.</summary>
    public static DocumentKind StreamRewrite { get; } = new("stream-rewrite", 1);

    /// <summary>An operator's policy.</summary>
    public static DocumentKind Policy { get; } = new("policy", 1);

    /// <summary>What a VMM saves of a guest: read, not written.</summary>
    public static DocumentKind VmmSaves { get; } = new("vmm-saves", 1);

    /// <summary>The state that a VMM leaves out: written, not read.</summary>
    public static DocumentKind SaveSetLint { get; } = new("save-set-lint", 1);

    /// <summary>A guest's contract in another tool's form: written, not read.</summary>
    public static DocumentKind GuestExport { get; } = new("guest-export", 1);

    /// <summary>A host's labels: written, not read.</summary>
    public static DocumentKind HostLabels { get; } = new("host-labels", 1);

    /// <summary>A guest's VMX capability MSRs: written, not read.</summary>
    public static DocumentKind VmxMsrs { get; } = new("vmx-msrs", 1);

    /// <summary>What the cases of the contract found on kernels and models; a record is made from it.</summary>
    public static DocumentKind Conformance { get; } = new("conformance", 1);

    /// <summary>What the cases of the contract found on one kernel, in short.</summary>
    public static DocumentKind KernelRecord { get; } = new("kernel-record", 1);

    /// <summary>What kernels booted in an emulator gave: written, not read.</summary>
    public static DocumentKind LabRun { get; } = new("lab-run", 1);

    /// <summary>Differences between a kernel and the model of its host: written, not read.</summary>
    public static DocumentKind Differential { get; } = new("differential", 1);

    /// <summary>The VMX capability MSRs as the VMM and as code in a guest with eVMCS read them: written, not read.</summary>
    public static DocumentKind EvmcsVisible { get; } = new("evmcs-visible", 1);

    /// <summary>What code in a guest read of its own CPU.</summary>
    public static DocumentKind GuestReading { get; } = new("guest-reading", 1);

    /// <summary>A guest's stay on one host of a chain: written, not read.</summary>
    public static DocumentKind GuestHop { get; } = new("guest-hop", 1);

    /// <summary>A guest that was carried over kernels booted in an emulator: written, not read.</summary>
    public static DocumentKind LabChain { get; } = new("lab-chain", 1);

    /// <summary>The schema field's value, as in <c>portolan/host-snapshot/1</c>.</summary>
    public string Schema => string.Create(CultureInfo.InvariantCulture, $"{SchemaPrefix}{Name}/{Major}");

    /// <inheritdoc/>
    public override string ToString() => Schema;
}
