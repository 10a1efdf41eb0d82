using System.Text.Json;
using Portolan.Testing;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Verdicts of all pairs, by the real program.</summary>
public sealed class PoolMatrixTests
{
    [Fact]
    public void Every_pair_of_Firecracker_hosts_is_explained_in_both_directions()
    {
        JsonElement[] cells = Cells("pool", "matrix", Repository.SharedData("firecracker-fingerprints"), "--json");

        Assert.Equal(12 * 11, cells.Length);
        Assert.All(cells, static cell => Assert.NotEmpty(cell.GetProperty("reasons").EnumerateArray()));
        Assert.All(cells.Where(static cell => Verdict(cell) == "incompatible"), static cell => Assert.Contains(
            cell.GetProperty("findings").EnumerateArray(), static finding => finding.GetProperty("severity").GetString() is "blocks" or "corrupts" or "breaks"));

        // Of the rest the files tell neither the TSC's frequency nor whether KVM scales it.
        Assert.All(cells.Where(static cell => Verdict(cell) == "unknown"), static cell => Assert.All(
            cell.GetProperty("missing").EnumerateArray(), static gap => Assert.Equal("tscKhz", gap.GetProperty("fact").GetString())));
    }

    [Theory]
    [InlineData("AMD_MILAN_6.18", "AMD_MILAN_6.1", "shstk")]
    [InlineData("AMD_MILAN_6.18", "AMD_MILAN_6.1", "xss-cet-u")]
    [InlineData("INTEL_SAPPHIRE_RAPIDS_6.1", "INTEL_SAPPHIRE_RAPIDS_5.10", "amx-tile")]
    [InlineData("INTEL_SAPPHIRE_RAPIDS_6.18", "INTEL_SAPPHIRE_RAPIDS_6.1", "ibt")]
    [InlineData("AMD_MILAN_6.1", "AMD_MILAN_6.18", "spec-ctrl")]
    public void What_a_kernel_takes_away_is_named(string from, string to, string feature)
    {
        string folder = Repository.SharedData("firecracker-fingerprints");
        string[] files = [Path.Combine(folder, $"fingerprint_{from}host.json"), Path.Combine(folder, $"fingerprint_{to}host.json")];

        JsonElement[] cells = Cells("pool", "matrix", files[0], files[1], "--json");

        JsonElement back = cells.Single(cell => cell.GetProperty("from").GetString() == $"fingerprint_{from}host");
        Assert.Equal("incompatible", Verdict(back));
        Assert.Contains(back.GetProperty("findings").EnumerateArray(), finding => finding.GetProperty("subject").GetProperty("id").GetString() == feature
            && finding.GetProperty("severity").GetString() == "breaks");
    }

    [Fact]
    public void Complete_snapshots_never_give_unknown()
    {
        Run run = PortolanProcess.Start("pool", "matrix", "shipped:*", "--brief");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.DoesNotContain("unknown", run.Output.Split('\n')[^2], StringComparison.Ordinal);
    }

    [Fact]
    public void One_guest_can_be_judged_everywhere_and_the_page_loads_nothing()
    {
        using TemporaryFolder folder = new();
        const string host = "shipped:amd-qemu-max-5.10.218";
        Assert.Equal(0, PortolanProcess.StartIn(folder.Path, "guest", "define", "--host", host, "--name", "vm", "-o", "guest.json").ExitCode);

        Run run = PortolanProcess.StartIn(folder.Path, "pool", "matrix", host, "shipped:amd-qemu-max-6.1.192", "--guest", "guest.json", "--html", "page.html");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("the guest vm", run.Output, StringComparison.Ordinal);
        string page = File.ReadAllText(folder.At("page.html"));
        Assert.Contains("<table class=\"matrix\">", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("""src\s*=|href\s*="[^#]|@import|url\(|<script""", page);
    }

    [Theory]
    [InlineData("shipped:amd-qemu-max-6.1.192", "expected two hosts at least, found one")]
    [InlineData(".", "expected two hosts at least, found none")]
    [InlineData("none.json", "none.json: expected a file, found nothing of that name")]
    [InlineData("shipped:amd-qemu-max-6.1.192 shipped:none", "expected a shipped host, found none of that name")]
    public void What_is_no_pool_is_one_line(string files, string expected)
    {
        using TemporaryFolder folder = new();

        Run run = PortolanProcess.StartIn(folder.Path, ["pool", "matrix", .. files.Split(' ')]);

        Assert.Equal(65, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
    }

    private static string? Verdict(JsonElement cell) => cell.GetProperty("verdict").GetString();

    private static JsonElement[] Cells(params string[] arguments)
    {
        Run run = PortolanProcess.Start(arguments);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using JsonDocument document = JsonDocument.Parse(run.Output);
        return [.. document.RootElement.GetProperty("cells").EnumerateArray().Select(static cell => cell.Clone())];
    }
}
