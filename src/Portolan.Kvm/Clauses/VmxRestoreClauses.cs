using System.Collections.Immutable;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Clauses;

/// <summary>The rules of data/x86/vmx-restore-rules.tsv as clauses: each names what one VMX capability MSR demands (contract M5 to M12).</summary>
public static class VmxRestoreClauses
{
    private static readonly Clause[] ByRule =
        [.. Enum.GetValues<VmxRestoreRule>().Select(static rule => rule switch
        {
            VmxRestoreRule.Accepted => InTable(ClauseTable.MsrVmxNotRestorable),
            VmxRestoreRule.InVmxOperation => InTable(ClauseTable.MsrVmxVmxon),
            VmxRestoreRule.Derived => InTable(ClauseTable.MsrVmxDerived),
            _ => new Clause(
                new RefusalRule(VmxRestoreRules.Id(rule), VmxRestoreRules.Statement(rule), VmxRestoreRules.Source(rule)),
                VmxRestoreRules.Facts(rule),
                "kvm",
                ClauseSeverity.Blocks,
                VmxRestoreRules.Consequence(rule),
                VmxRestoreRules.Rationale(rule)),
        })];

    /// <summary>Those that are not in <see cref="ClauseTable"/> already, in the table's order.</summary>
    public static ImmutableArray<Clause> All { get; } = [.. Enum.GetValues<VmxRestoreRule>().Where(static rule => rule > VmxRestoreRule.Derived).Select(Of)];

    /// <summary>The clause of a rule.</summary>
    public static Clause Of(VmxRestoreRule rule) => ByRule[(int)rule];

    private static Clause InTable(RefusalRule rule) => ClauseTable.All.First(clause => clause.Rule == rule);
}
