using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Testing;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Routes and predictions, by the real program.</summary>
public sealed partial class TraceTests
{
    private const string Host = "shipped:amd-qemu-max-6.1.192";

    public static IEnumerable<TheoryDataRow<string>> Cases() => AcceptanceCases.Rows().Where(row => row[2] != "-").Select(row => new TheoryDataRow<string>(row[0]));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_acceptance_case_comes_out_as_its_row_says(string id)
    {
        Run run = PortolanProcess.Start("trace", "--case", id, "--json");

        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement taken = Assert.Single(document.RootElement.GetProperty("cases").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, taken.GetProperty("fault").ValueKind);
        IEnumerable<string?> outcomes = taken.GetProperty("traces").EnumerateArray().Select(trace => trace.GetProperty("outcome").GetString());
        Assert.Equal(AcceptanceCases.Rows().Single(row => row[0] == id)[2].Split(" ; "), outcomes);
        Assert.True(taken.GetProperty("asExpected").GetBoolean());
        Assert.Equal(0, run.ExitCode);
        IEnumerable<JsonElement> refused = taken.GetProperty("traces").EnumerateArray()
            .SelectMany(trace => trace.GetProperty("steps").EnumerateArray()).Where(step => step.GetProperty("refused").GetBoolean());
        Assert.All(refused, step => Assert.Equal(JsonValueKind.String, step.GetProperty("clause").ValueKind));
    }

    [Theory]
    [InlineData("XS-1", 1)]
    [InlineData("XS-2", 0)]
    [InlineData("XS-11", 1)]
    [InlineData("EV-1", 0)]
    public void The_commands_of_a_case_run_one_by_one(string id, int lastExitCode)
    {
        using TemporaryFolder folder = new();
        string[] commands = AcceptanceCases.Rows().Single(row => row[0] == id)[4].Split(" ; ");
        foreach (string command in commands[..^1])
        {
            Run before = PortolanProcess.StartIn(folder.Path, command.Split(' '));
            Assert.True(before.ExitCode is 0 or 1, $"{command}: {before.Error}");
        }

        Run last = PortolanProcess.StartIn(folder.Path, commands[^1].Split(' '));

        Assert.Equal("", last.Error);
        Assert.Equal(lastExitCode, last.ExitCode);
    }

    [Fact]
    public void Trace_twice_gives_the_same_bytes()
    {
        Run first = PortolanProcess.Start("trace", "--case", "XS-6", "--json");
        Run second = PortolanProcess.Start("trace", "--case", "XS-6", "--json");

        Assert.Equal(first.Output, second.Output);
    }

    [Fact]
    public void Trace_draws_a_page_that_loads_nothing_from_elsewhere()
    {
        using TemporaryFolder folder = new();

        Run run = PortolanProcess.StartIn(folder.Path, "trace", "--case", "XS-2", "--html", "page.html");

        Assert.Equal(0, run.ExitCode);
        string page = File.ReadAllText(Path.Combine(folder.Path, "page.html"));
        Assert.Contains("<svg", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)\s*=|@import|url\(""", page);
    }

    [Fact]
    public void Trace_live_takes_the_route_on_this_machine_or_says_why_not()
    {
        using TemporaryFolder folder = new();
        Run dumped = PortolanProcess.StartIn(folder.Path, "host", "dump", "-o", "host.json");
        if (dumped.ExitCode == 69)
        {
            Assert.Skip(dumped.OneErrorLine);
        }

        Assert.Equal(0, PortolanProcess.StartIn(folder.Path, "guest", "define", "--host", "host.json", "-o", "guest.json").ExitCode);
        Run run = PortolanProcess.StartIn(folder.Path, "trace", "--guest", "guest.json", "--live", "--json");

        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Equal("arrived", document.RootElement.GetProperty("end").GetString());
    }

    [Theory]
    [InlineData("trace", "--via", Host)]
    [InlineData("trace", "--case", "XS-99")]
    [InlineData("trace", "--guest", "g.json", "--via", Host, "--nested-control", "vmx-nonsense")]
    [InlineData("trace", "--guest", "g.json", "--via", Host, "--order", "backwards")]
    [InlineData("host", "predict")]
    [InlineData("host", "predict", Host, "--cpu", "milan", "--kernel", "6.1")]
    [InlineData("host", "predict", "--cpu", "milan")]
    [InlineData("host", "predict", "--cpu", "pentium", "--kernel", "6.1")]
    [InlineData("host", "predict", Host, "--xsave", "G9")]
    [InlineData("host", "predict", Host, "--xsave", "E-a")]
    [InlineData("host", "predict", Host, "--kernel", "six")]
    [InlineData("host", "predict", Host, "--without", "warp-drive")]
    [InlineData("host", "predict", Host, "--without-xfeature", "warp")]
    [InlineData("host", "predict", Host, "--module-parameter", "nested")]
    public void A_command_line_that_makes_no_sense_is_refused_in_one_line(params string[] arguments)
    {
        Run run = PortolanProcess.Start(arguments);

        Assert.Equal(64, run.ExitCode);
        Assert.NotEmpty(run.OneErrorLine);
        Assert.Empty(run.Output);
    }

    [Theory]
    [InlineData("trace", "--guest", "absent.json", "--via", Host)]
    [InlineData("host", "show", "shipped:nothing")]
    public void A_missing_input_is_refused_in_one_line(params string[] arguments)
    {
        Run run = PortolanProcess.Start(arguments);

        Assert.Equal(65, run.ExitCode);
        Assert.NotEmpty(run.OneErrorLine);
    }

    [Fact]
    public void Classify_and_dump_on_something_that_is_not_kvm_say_what_the_host_lacks()
    {
        Run run = PortolanProcess.Start("host", "dump", "--device", "/dev/null");

        Assert.Equal(69, run.ExitCode);
        Assert.NotEmpty(run.OneErrorLine);
    }

    [Fact]
    public void Every_command_of_the_README_exists()
    {
        string readme = File.ReadAllText(Repository.At("README.md"));
        string[] commands = [.. Command().Matches(readme).Select(match => match.Groups[1].Value).Distinct()];

        Assert.True(commands.Length >= 10);
        Assert.All(commands, command => Assert.Equal(0, PortolanProcess.Start([.. command.Split(' '), "--help"]).ExitCode));
    }

    [GeneratedRegex(@"\./portolan ((?:host|guest|pool|contract) [a-z-]+|trace|check)")]
    private static partial Regex Command();
}
