using System.Globalization;

namespace Portolan.X86.Vmx;

/// <summary>What KVM says to one restored VMX capability MSR.</summary>
/// <param name="Rule">The rule that refuses it, or <see cref="VmxRestoreRule.Accepted"/>.</param>
/// <param name="Offending">The bits of the MSR that break the rule, in place; for a numeric field all its bits; 0 where the MSR as a whole is refused.</param>
public readonly record struct VmxRestoreAnswer(VmxRestoreRule Rule, ulong Offending)
{
    /// <summary>Does KVM take the value?</summary>
    public bool Accepted => Rule == VmxRestoreRule.Accepted;

    /// <summary>The rule's id: <c>vmx.restore.control-may-be-one</c>; <c>-</c> if accepted.</summary>
    public string RuleId => VmxRestoreRules.Id(Rule);

    /// <summary><c>accepted</c>, or the rule and the offending bits.</summary>
    public override string ToString()
        => Accepted ? "accepted" : string.Create(CultureInfo.InvariantCulture, $"{RuleId} 0x{Offending:x}");
}
