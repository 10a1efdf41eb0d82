namespace Portolan.EndToEnd.CommandLine;

public sealed class ContractTests
{
    [Fact]
    public void Contract_list_has_every_clause_with_severity_enforcer_and_statement()
    {
        PortolanProcess.Run run = PortolanProcess.Start("contract", "list");

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"(?m)^xsave\.set\.promised +blocks +kvm +SET_XSAVE takes only", run.Output);
        Assert.Matches(@"(?m)^vmx\.restore\.misc-preemption-timer-rate +blocks +kvm ", run.Output);
        Assert.Matches(@"(?m)^promise\.cpuid +breaks +policy ", run.Output);
    }

    [Fact]
    public void Contract_list_facts_names_the_clauses_of_each_fact_or_says_why_it_has_none()
    {
        string output = PortolanProcess.Start("contract", "list", "--facts").Output;

        Assert.Contains("X35  What a VMM that ignores a refused image leaves unloaded\n     vmm.not-loaded\n", output, StringComparison.Ordinal);
        Assert.Contains("no clause: no kernel in data/kvm/generations.tsv has it", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Contract_show_tells_consequence_facts_and_source()
    {
        PortolanProcess.Run run = PortolanProcess.Start("contract", "show", "vmx.restore.misc-preemption-timer-rate");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("KVM_SET_MSRS stops at MSR 485H", run.Output, StringComparison.Ordinal);
        Assert.Contains("M12  IA32_VMX_MISC before or after the pin-based controls", run.Output, StringComparison.Ordinal);
        Assert.Contains("nested.c vmx_restore_vmx_misc", run.Output, StringComparison.Ordinal);
        Assert.Contains("\"schema\": \"portolan/clause/1\"", PortolanProcess.Start("contract", "show", "promise.cpuid", "--json").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xsave.set.promise", "near it: xsave.set.promised")]
    [InlineData("promise.cupid", "near it: promise.cpuid")]
    [InlineData("X35", "X35 is a fact, stated by vmm.not-loaded")]
    [InlineData("zzz", "see 'portolan contract list'")]
    public void An_unknown_clause_is_a_wrong_command_line_and_what_is_near_is_named(string id, string advice)
    {
        PortolanProcess.Run run = PortolanProcess.Start("contract", "show", id);

        Assert.Equal(64, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.StartsWith($"portolan: no clause is called '{id}'; {advice}", run.OneErrorLine, StringComparison.Ordinal);
    }
}
