using System.Text.RegularExpressions;
using Portolan.Compatibility.Prepared;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Testing;
using Portolan.X86.Vmx;

namespace Portolan.Compatibility.Tests.Prepared;

public sealed partial class PreparedClausesTests
{
    [Fact]
    public void Every_clause_that_the_clause_engine_can_find_has_a_form()
    {
        string[] found = [.. InSources().Concat(ByRestore()).Distinct().Order(StringComparer.Ordinal)];
        string[] packed = [.. PreparedClauses.All.Select(static row => row.Id).Distinct().Order(StringComparer.Ordinal)];

        Assert.NotEmpty(found);
        Assert.Empty(found.Except(packed));
        Assert.Empty(packed.Except(found.Concat(NestedByState())));
    }

    [Fact]
    public void A_clause_that_is_not_asked_has_no_other_form()
        => Assert.All(PreparedClauses.All.GroupBy(static row => row.Id), static forms => Assert.True(forms.Count() == 1 || forms.All(static row => row.Form != ClauseForm.NotAsked), forms.Key));

    /// <summary>The clauses that the engine's sources name.</summary>
    private static IEnumerable<string> InSources()
    {
        Dictionary<string, RefusalRule> rules = typeof(ClauseTable).GetProperties().Where(static property => property.PropertyType == typeof(RefusalRule))
            .ToDictionary(static property => property.Name, static property => (RefusalRule)property.GetValue(null)!);
        return Directory.EnumerateFiles(Repository.At("src", "Portolan.Compatibility", "Clauses"), "*.cs").Append(Repository.At("src", "Portolan.Kvm.Model", "Msr", "MsrValueRules.cs"))
            .SelectMany(static file => Named().Matches(File.ReadAllText(file)).Select(static match => match.Groups[1].Value))
            .Where(rules.ContainsKey).Select(name => rules[name].Id);
    }

    /// <summary>The rules of VMX capability MSRs, which the engine names by number.</summary>
    private static IEnumerable<string> ByRestore()
        => VmxCapabilitiesReader.RestoreOrder.SelectMany(static index => VmxRestoreRules.Of(index).ToArray()).Where(static rule => rule != VmxRestoreRule.Basic32BitAddresses)
            .Select(static rule => VmxRestoreClauses.Of(rule).Rule.Id).Append(ClauseTable.MsrVmxVmxon.Id);

    private static IEnumerable<string> NestedByState()
        => ClauseTable.All.Select(static clause => clause.Rule.Id).Where(static id => id.StartsWith("nested.", StringComparison.Ordinal)).Append(VmxRestoreClauses.Of(VmxRestoreRule.Basic32BitAddresses).Rule.Id);

    [GeneratedRegex(@"ClauseTable\.([A-Z]\w+)")]
    private static partial Regex Named();
}
