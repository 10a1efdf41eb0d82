using System.Text.Json.Nodes;
using Portolan.Cli.Frame;
using Portolan.Kvm.Linux;

namespace Portolan.Conformance.Tests;

/// <summary><c>portolan conformance run</c>: its JSON, its exit codes, and the live kernel.</summary>
public sealed class CommandTests
{
    [Fact]
    public void A_models_answer_keeps_to_the_schema()
    {
        (ExitCode code, JsonNode document) = Json("--subject", "shipped:intel-bochs-skylake-x-6.12.117", "--subject", "model:G2b");

        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(ConformanceSuite.Cases.Length, document["subjects"]![0]!["cases"]!.AsArray().Count);
        Assert.True(document["subjects"]!.AsArray().Count > 5);
    }

    [Fact]
    public void The_live_kernel_fails_no_case()
    {
        Assert.SkipUnless(LinuxKvm.TryOpen(out KvmSystem? system, out string? reason), reason ?? "no /dev/kvm");
        system!.Dispose();
        (ExitCode code, JsonNode document) = Json();

        string[] failed = [.. document["subjects"]![0]!["cases"]!.AsArray().Where(static one => one!["outcome"]!.GetValue<string>() == "fail").Select(static one => $"{one!["id"]}: expected {one["expected"]}, found {one["found"]}")];
        Assert.True(code == ExitCode.Done && failed.Length == 0, string.Join("\n", failed));
        Assert.True(document["summary"]!["pass"]!.GetValue<int>() > 150);
    }

    [Fact]
    public void A_host_without_kvm_is_exit_69()
        => Run("--device", "/dev/null").IsRefused(ExitCode.Unavailable);

    [Theory]
    [InlineData(ExitCode.BadInput, "--subject", "model:G9")]
    [InlineData(ExitCode.BadInput, "--subject", "shipped:nothing")]
    [InlineData(ExitCode.Usage, "--case", "no-such-case", "--subject", "model")]
    public void A_wrong_word_is_one_line(ExitCode expected, params string[] words)
        => Run(words).IsRefused(expected);

    private static (ExitCode Code, JsonNode Document) Json(params string[] words)
    {
        CommandRun run = Run(["--json", .. words]);
        return (run.Code, run.Document("conformance-1"));
    }

    private static CommandRun Run(params string[] words) => CommandRun.Of(["conformance", "run", .. words]);
}
