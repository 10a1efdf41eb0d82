namespace Portolan.X86.Vmx;

/// <summary>The texts of the rules in data/x86/vmx-restore-rules.tsv, and which of them an MSR is judged by.</summary>
public static partial class VmxRestoreRules
{
    /// <summary>The rule's id.</summary>
    public static string Id(VmxRestoreRule rule) => IdOf(rule);

    /// <summary>What the rule demands of the restored value; this host's value is the maximum of its KVM.</summary>
    public static string Statement(VmxRestoreRule rule) => StatementOf(rule);

    /// <summary>The numbered facts of the KVM contract that the rule states, by commas.</summary>
    public static string Facts(VmxRestoreRule rule) => FactsOf(rule);

    /// <summary>What happens where a value violates the rule, in a sentence.</summary>
    public static string Consequence(VmxRestoreRule rule) => ConsequenceOf(rule);

    /// <summary>Why there is such a rule, in a sentence.</summary>
    public static string Rationale(VmxRestoreRule rule) => RationaleOf(rule);

    /// <summary>Where KVM has the rule.</summary>
    public static string Source(VmxRestoreRule rule) => SourceOf(rule);

    /// <summary>The rules an MSR is judged by, in the order in which KVM looks; none for one that takes any value.</summary>
    public static ReadOnlySpan<VmxRestoreRule> Of(uint msr) => RulesOf(msr);
}
