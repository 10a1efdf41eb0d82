using Portolan.TableCompiler.Tables;
using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class VmxAndMsrTablesTests
{
    private const string Msrs = "data/x86/msrs.tsv";
    private const string Bits = "data/x86/msr-bits.tsv";
    private const string Controls = "data/x86/vmx-controls.tsv";
    private const string Rules = "data/x86/vmx-restore-rules.tsv";
    private const string Fixed1 = "data/x86/vmx-cr4-fixed1.tsv";
    private const string Fields = "data/x86/evmcs.tsv";
    private const string Spans = "data/x86/evmcs-spans.tsv";
    private const string Filters = "data/x86/evmcs-filters.tsv";
    private const string Designs = "data/x86/evmcs-designs.tsv";

    [Theory]
    [InlineData(Msrs, "IA32_EFER\t", "state", "mood", "'kind' should be one of")]
    [InlineData(Msrs, "IA32_STAR\t", "saved", "kept", "'listed' should hold saved, emulated, feature or -, and has 'kept'")]
    [InlineData(Msrs, "IA32_STAR\t", "syscall", "sysret", "'needs' should hold features of data/x86/features.tsv, unpromised or -, and has 'sysret'")]
    [InlineData(Msrs, "IA32_STAR\t", "IA32_STAR\t", "IA32_LSTAR\t", "name 'IA32_LSTAR' stands already")]
    [InlineData(Msrs, "IA32_EFER\t", "0xc0000080", "0xc0000082", "the rows should ascend by index")]
    [InlineData(Msrs, "IA32_EFER\t", "0xc0000080", "0x1c0000080", "'index' should have 32 bits")]
    [InlineData(Bits, "RSBA\t", "accumulate", "avoid", "'rule' should be one of")]
    [InlineData(Bits, "SSB_NO", "\t4\t", "\t5\t", "bits 5:5 of 10AH stand already")]
    [InlineData(Bits, "LBR_FMT", "5:0", "0:5", "'bits' should be a bit or high:low below 64")]
    [InlineData(Bits, "LBR_FMT", "0x345", "0x3456", "MSR 0x3456 is not in data/x86/msrs.tsv")]
    public void The_MSR_tables_are_strict(string file, string line, string old, string replacement, string message)
        => Reports(new MsrsTable(), file, line, old, replacement, message);

    [Theory]
    [InlineData("enable EPT\t", "secondary\t", "third\t", "'group' should be one of")]
    [InlineData("enable EPT\t", "control", "hope", "'restore' should be one of")]
    [InlineData("enable EPT\t", "\tno\t", "\tmaybe\t", "'default1' should be one of")]
    [InlineData("enable EPT\t", "\t1\t", "\t32\t", "below 32, and is '32'")]
    [InlineData("enable EPT\t", "\t1\t", "\t2\t", "of secondary stand already")]
    [InlineData("enable VPID\t", "enable VPID", "enable EPT", "'enable EPT' stands already in group secondary")]
    [InlineData("enable VPID\t", "primary:31", "primary:18", "'requires' names primary:18, which no row has")]
    [InlineData("activate secondary controls\tno\tcontrol\tvmx-secondary-ctls", "\t-\tSDM", "\tsecondary:7\tSDM", "'requires' leads back to this row")]
    public void The_VMX_controls_are_strict(string line, string old, string replacement, string message)
        => Reports(new VmxControlsTable(), Controls, line, old, replacement, message);

    [Fact]
    public void A_rule_for_what_is_no_MSR_is_a_problem()
        => Reports(new VmxRestoreRulesTable(), Rules, "vmfunc\t", "0x491", "491", "'msrs' should list MSRs as 0x…, and has '491'");

    [Fact]
    public void A_CR4_bit_of_an_unknown_register_is_a_problem()
        => Reports(new VmxCr4Fixed1Table(), Fixed1, "LA57", "ecx", "ebp", "'register' should be one of");

    [Theory]
    [InlineData(Fields, "TSC_MULTIPLIER", "1-2022", "no", "'clean' should say - for a field that is not carried")]
    [InlineData(Fields, "TSC_MULTIPLIER", "secondary:25", "secondary:70", "'control' should hold group:bit")]
    [InlineData(Spans, "E-c", "guest", "nobody", "'seen-by' should be one of")]
    [InlineData(Spans, "E-c", "E-c", "E-x", "has no rows of set 'E-x'")]
    [InlineData(Filters, "E-c\texit", "E-c", "E-x", "set 'E-x' is neither a span")]
    [InlineData(Filters, "E-c\texit", "exit", "exist", "'part' should be one of")]
    [InlineData(Filters, "E-c\texit", "0x483,0x48f\tclear", "-\tclear", "'msrs', 'filter' and 'mask' should all say - or all have a value")]
    [InlineData(Filters, "E-c\texit", "0x1000\t-", "0x100000000\t-", "'mask' should have 32 bits")]
    [InlineData(Designs, "filtered-msrs", "revision-2022", "revision-2023", "has no rows of set 'revision-2023'")]
    [InlineData(Designs, "filtered-msrs", "\tyes\tKVM_GET", "\tsome\tKVM_GET", "'vmm-sees' should be one of")]
    public void The_eVMCS_tables_are_strict(string file, string line, string old, string replacement, string message)
        => Reports(new EvmcsTable(), file, line, old, replacement, message);

    [Fact]
    public void A_row_without_source_is_a_problem()
        => Assert.Contains(
            EditedTables.CompileWith(new MsrsTable(), Msrs, "0xdeadbeef\tX\t-\tstate\t-\t-\t-"),
            text => text.StartsWith(Msrs, StringComparison.Ordinal) && text.EndsWith("the row has no source", StringComparison.Ordinal));

    private static void Reports(ITable table, string file, string line, string old, string replacement, string message)
    {
        IReadOnlyList<string> problems = EditedTables.Compile(table, file, line, old, replacement);

        Assert.Contains(problems, problem => problem.Contains(message, StringComparison.Ordinal) && problem.Contains(".tsv:", StringComparison.Ordinal));
    }
}
