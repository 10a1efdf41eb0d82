using System.Text.Json;
using System.Text.Json.Nodes;
using Portolan.Testing;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Verdicts of routes, by the real program.</summary>
public sealed class CheckTests : IDisposable
{
    private const string Host = "shipped:amd-qemu-max-6.1.192";
    private readonly TemporaryFolder _folder = new();

    public static IEnumerable<TheoryDataRow<string>> Cases()
        => AcceptanceCases.Rows().Where(static row => row[3] != "-").Select(static row => new TheoryDataRow<string>(row[0]));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_acceptance_case_is_judged_as_its_row_says(string id)
    {
        Run run = PortolanProcess.Start("check", "--case", id, "--json");

        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement taken = Assert.Single(document.RootElement.GetProperty("cases").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, taken.GetProperty("fault").ValueKind);
        JsonElement[] checks = [.. taken.GetProperty("checks").EnumerateArray()];
        Assert.Equal(AcceptanceCases.Rows().Single(row => row[0] == id)[3].Split(" ; "), checks.Select(static check => check.GetProperty("outcome").GetString()));
        Assert.All(checks, static check => Assert.Equal(JsonValueKind.Null, check.GetProperty("disagreement").ValueKind));
        Assert.All(
            checks.SelectMany(static check => check.GetProperty("findings").EnumerateArray()),
            static finding => Assert.All((string[])["clause", "statement", "consequence", "source", "place", "enforcedBy"], name => Assert.NotEqual("", finding.GetProperty(name).GetString())));
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public void The_table_of_cases_shows_every_case_and_the_designs_side_by_side()
    {
        Run run = PortolanProcess.Start("check", "--cases");

        Assert.Equal(0, run.ExitCode);
        Assert.All(Cases(), row => Assert.Contains(row.Data, run.Output, StringComparison.Ordinal));
        Assert.Contains("pv-bit", run.Output, StringComparison.Ordinal);
        Assert.Contains("filtered-msrs", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("NOT as expected", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_that_QEMU_alone_describes_blocks_a_guest_whose_VMX_control_it_says_to_lack()
    {
        string told = File.ReadAllText(Repository.At("tests", "Portolan.Formats.Tests", "Seeds", "qmp-kvm.json"));
        const string Source = "shipped:intel-bochs-skylake-x-6.12.117";
        string guest = _folder.At("vmx.json");
        Assert.Equal(0, PortolanProcess.Start("guest", "define", "--host", Source, "-o", guest).ExitCode);

        string without = Judged("off", "\"vmx-secondary-ctls\": true, \"vmx-ept\": false");
        string with = Judged("on", "\"vmx-secondary-ctls\": true, \"vmx-ept\": true");

        Assert.Contains("1 blocks", without, StringComparison.Ordinal);
        Assert.Contains("MSR 48BH IA32_VMX_PROCBASED_CTLS2 [33] may be 1 enable EPT vmx-ept (QEMU), [49] may be 1 enable PML vmx-pml (QEMU): guest 0x02137bff00000000, host 0x02117bfd00000000", without, StringComparison.Ordinal);
        Assert.DoesNotContain("vmx-ept", with, StringComparison.Ordinal);

        string Judged(string name, string properties)
        {
            string file = _folder.Write(name + ".txt", told.Replace("\"vmx-ept\": true", properties, StringComparison.Ordinal));
            string host = _folder.At(name + ".json");
            Assert.Equal(0, PortolanProcess.Start("host", "import", file, "-o", host).ExitCode);
            return PortolanProcess.Start("check", "--guest", guest, "--via", $"{Source},{host}").Output;
        }
    }

    [Fact]
    public void An_incompatible_route_names_the_bit_both_values_and_what_would_help()
    {
        Stranded();

        Run run = Check("old.json,new.json", "--explain");

        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains("incompatible: 1 blocks", run.Output, StringComparison.Ordinal);
        Assert.Contains("XSTATE_BV[9] pkru: guest 0x207, host 0x7", run.Output, StringComparison.Ordinal);
        Assert.Contains("[xsave.set.promised]", run.Output, StringComparison.Ordinal);
        Assert.Contains("what would help", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_host_twice_is_compatible_and_twice_the_same_bytes()
    {
        Define();

        Run first = Check($"{Host},{Host}", "--json");
        Run second = Check($"{Host},{Host}", "--json");

        Assert.Equal((0, ""), (first.ExitCode, first.Error));
        Assert.Contains("\"verdict\": \"compatible\"", first.Output, StringComparison.Ordinal);
        Assert.Equal(first.Output, second.Output);
    }

    [Fact]
    public void A_missing_fact_is_unknown_and_named()
    {
        Define();
        string text = PortolanProcess.Start("host", "show", Host, "--json").Output;
        int from = text.IndexOf("    \"xsave.set-mask\": {", StringComparison.Ordinal);
        int until = text.IndexOf("    },\n", from, StringComparison.Ordinal) + "    },\n".Length;
        _folder.Write("less.json", text[..from] + text[until..]);

        Run run = Check($"{Host},less.json");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("missing facts", run.Output, StringComparison.Ordinal);
        Assert.Contains("xsave.set-mask", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Warnings_are_exit_code_2_where_they_fail()
    {
        const string newer = "shipped:intel-bochs-skylake-x-6.12.117";
        const string older = "shipped:intel-bochs-skylake-x-5.10.218";
        string[] define = ["guest", "define", "--host", newer, "--common-with", older, "--evmcs", "--evmcs-perf-global-ctrl", "on", "-o", "guest.json"];
        Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, define).ExitCode);

        Assert.Equal(0, Check($"{newer},{older}", "--nested-control", "none").ExitCode);
        Assert.Equal(2, Check($"{newer},{older}", "--nested-control", "none", "--fail-on-warnings").ExitCode);
        Assert.Equal(1, Check($"{newer},{older}", "--nested-control", "none", "--evmcs-policy", "strict").ExitCode);
    }

    [Fact]
    public void Each_vCPU_of_a_state_is_judged()
    {
        Define();
        JsonNode state = JsonNode.Parse(File.ReadAllText(Repository.At("tests", "Portolan.Documents.Tests", "Examples", "guest-state-1.json")))!;
        JsonArray vcpus = state["vcpus"]!.AsArray();
        JsonNode second = vcpus[0]!.DeepClone();
        second["id"] = 1;
        vcpus.Add(second);
        _folder.Write("state.json", state.ToJsonString());

        Run run = Check($"{Host},{Host}", "--state", "state.json", "--json");

        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.True(document.RootElement.GetProperty("fromState").GetBoolean());
        Assert.Equal([0, 1], document.RootElement.GetProperty("vcpus").EnumerateArray().Select(static id => id.GetInt32()));
        JsonElement[] findings = [.. document.RootElement.GetProperty("findings").EnumerateArray()];
        Assert.NotEmpty(findings);
        Assert.All(findings, static finding => Assert.Equal([0, 1], finding.GetProperty("vcpus").EnumerateArray().Select(static id => id.GetInt32())));
    }

    [Fact]
    public void The_document_and_the_page_are_written_and_the_page_loads_nothing()
    {
        Stranded();

        Run run = Check("old.json,new.json", "-o", "verdict.json", "--html", "page.html");

        Assert.Equal((1, "", ""), (run.ExitCode, run.Output, run.Error));
        Assert.Contains("\"schema\": \"portolan/verdict/1\"", File.ReadAllText(_folder.At("verdict.json")), StringComparison.Ordinal);
        string page = File.ReadAllText(_folder.At("page.html"));
        Assert.Contains("<svg", page, StringComparison.Ordinal);
        Assert.Contains("XSTATE_BV[9] pkru", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)\s*=|@import|url\(|<script""", page);
    }

    [Theory]
    [InlineData("--guest none.json --via shipped:amd-qemu-max-6.1.192", 65, "portolan: none.json: expected a file, found nothing of that name")]
    [InlineData("--guest . --via shipped:amd-qemu-max-6.1.192", 65, "portolan: .: expected a file, found a directory")]
    [InlineData("--guest shipped:amd-qemu-max-6.1.192 --via shipped:amd-qemu-max-6.1.192", 65, "give a guest-contract here")]
    [InlineData("--guest guest.json --via guest.json", 65, "$.schema: expected \"portolan/host-snapshot/1\", found \"portolan/guest-contract/1\"")]
    [InlineData("--guest guest.json --via shipped:none", 65, "expected a shipped host, found none of that name")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --state guest.json", 65, "give a guest-state here")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --policy guest.json", 65, "give a policy here")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --html .", 65, "portolan: .: expected ")]
    [InlineData("--guest guest.json", 64, "--guest and --via are needed")]
    [InlineData("--via shipped:amd-qemu-max-6.1.192", 64, "--guest and --via are needed")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --date 2026-02-30", 64, "2026-02-30")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --nested-control vmx-foo", 64, "--nested-control vmx-foo: no VMX control has that QEMU name")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --unpermitted 2", 64, "--unpermitted: the route's hosts are counted from 1 to 1")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --evmcs-design best", 64, "'best'")]
    [InlineData("--guest guest.json --via shipped:amd-qemu-max-6.1.192 --vmm hopes", 64, "'hopes'")]
    [InlineData("--case XS-99", 64, "there is no such case")]
    public void What_makes_no_sense_is_one_line(string arguments, int exitCode, string expected)
    {
        Define();

        Run run = PortolanProcess.StartIn(_folder.Path, ["check", .. arguments.Split(' ')]);

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    private Run Check(string via, params string[] more) => PortolanProcess.StartIn(_folder.Path, ["check", "--guest", "guest.json", "--via", via, .. more]);

    private void Define() => Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, "guest", "define", "--host", Host, "--without", "pku", "-o", "guest.json").ExitCode);

    /// <summary>A guest that an older kernel saves with what a newer one does not take.</summary>
    private void Stranded()
    {
        Define();
        Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, "host", "predict", Host, "--xsave", "G1", "--name", "old", "-o", "old.json").ExitCode);
        Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, "host", "predict", Host, "--xsave", "G2b", "--name", "new", "-o", "new.json").ExitCode);
    }
}
