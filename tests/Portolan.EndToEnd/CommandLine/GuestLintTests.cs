using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

public sealed class GuestLintTests
{
    private const string Shipped = "shipped:intel-bochs-skylake-x-6.1.192";

    [Fact]
    public void A_predicted_6_18_shows_what_a_VMM_misses_and_exits_with_1()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(0, PortolanProcess.Start("host", "predict", "--cpu", "granite-rapids", "--kernel", "6.18.5", "-o", folder.At("h.json")).ExitCode);

        PortolanProcess.Run text = PortolanProcess.Start("guest", "lint", "--host", folder.At("h.json"), "--vmm", "firecracker-1.13");
        PortolanProcess.Run json = PortolanProcess.Start("guest", "lint", "--host", folder.At("h.json"), "--vmm", "firecracker-1.13", "--json");

        Assert.Equal((1, 1), (text.ExitCode, json.ExitCode));
        Assert.Contains("breaks    MSR DA0H IA32_XSS not saved", text.Output, StringComparison.Ordinal);
        Assert.Contains("corrupts  GUEST_SSP not saved", text.Output, StringComparison.Ordinal);
        Assert.Contains("\"schema\": \"portolan/save-set-lint/1\"", json.Output, StringComparison.Ordinal);
        Assert.Contains("IA32_INTERRUPT_SSP_TABLE_ADDR", json.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_complete_save_set_of_ones_own_exits_with_0_and_one_without_debug_registers_with_1()
    {
        using TemporaryFolder folder = new();
        string whole = string.Concat(
            File.ReadLines(Repository.At("data", "vmm", "state.tsv")).Where(static line => line.StartsWith("ioctl\t", StringComparison.Ordinal)
                || line.StartsWith("one-reg\t", StringComparison.Ordinal) || line.StartsWith("msr\t", StringComparison.Ordinal))
                .Select(static line => string.Join('\t', line.Split('\t')[..2]) + "\n"));
        File.WriteAllText(folder.At("whole.tsv"), whole);
        File.WriteAllText(folder.At("less.tsv"), whole.Replace("ioctl\tKVM_GET_DEBUGREGS\n", "", StringComparison.Ordinal));

        Assert.Equal(0, PortolanProcess.Start("guest", "lint", "--host", Shipped, "--saves", folder.At("whole.tsv")).ExitCode);
        PortolanProcess.Run less = PortolanProcess.Start("guest", "lint", "--host", Shipped, "--saves", folder.At("less.tsv"));

        Assert.Equal(1, less.ExitCode);
        Assert.Contains("corrupts  KVM_GET_DEBUGREGS not saved", less.Output, StringComparison.Ordinal);
        Assert.Contains("1 kind of state", less.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_VMMs_and_wrong_save_sets_are_refused()
    {
        Assert.Equal(64, PortolanProcess.Start("guest", "lint", "--host", Shipped, "--vmm", "no-such-vmm").ExitCode);
        Assert.Equal(64, PortolanProcess.Start("guest", "lint", "--host", Shipped).ExitCode);
        PortolanProcess.Run wrong = PortolanProcess.Start("msr 0x277\n"u8.ToArray(), ["guest", "lint", "--host", Shipped, "--saves", "-"]);

        Assert.Equal(65, wrong.ExitCode);
        Assert.Contains("line 1", wrong.OneErrorLine, StringComparison.Ordinal);
    }
}
