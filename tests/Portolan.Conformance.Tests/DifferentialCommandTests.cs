using System.Text.Json.Nodes;
using Portolan.Cli.Frame;
using Portolan.Kvm.Linux;

namespace Portolan.Conformance.Tests;

/// <summary><c>portolan conformance differential</c>: its JSON, its exit codes, and the live kernel.</summary>
public sealed class DifferentialCommandTests
{
    private const string Host = "shipped:amd-qemu-max-6.1.192";

    [Fact]
    public void The_live_kernel_has_no_unexplained_difference()
    {
        Assert.SkipUnless(LinuxKvm.TryOpen(out KvmSystem? system, out string? reason), reason ?? "no /dev/kvm");
        system!.Dispose();
        (ExitCode code, JsonNode document) = Json("--count", "3000", "--seed", "11");

        string[] unexplained = [.. document["mismatches"]!.AsArray().Where(static one => one!["reason"] is null).Select(static one => one!.ToJsonString())];
        Assert.True(code == ExitCode.Done && unexplained.Length == 0, string.Join("\n", unexplained));
        Assert.True(document["steps"]!.GetValue<long>() >= 3000 && document["ioctls"]!.GetValue<long>() > 20_000);
        Assert.Equal("live", document["subject"]!.GetValue<string>());
    }

    [Fact]
    public void A_model_in_the_kernels_place_is_like_itself()
    {
        (ExitCode code, JsonNode document) = Json("--subject", "model", "--host", Host, "--count", "500");

        Assert.Equal((ExitCode.Done, true), (code, document["ok"]!.GetValue<bool>()));
        Assert.Empty(document["mismatches"]!.AsArray());
    }

    [Fact]
    public void A_model_of_another_generation_is_exit_1_with_the_sequence_that_shows_it()
    {
        (ExitCode code, JsonNode document) = Json("--subject", "model:G0", "--host", Host, "--count", "500");

        JsonNode[] xsave = [.. document["mismatches"]!.AsArray().Where(static one => one!["group"]!.GetValue<string>().StartsWith("KVM_GET_XSAVE", StringComparison.Ordinal)).Select(static one => one!)];
        Assert.Equal((ExitCode.Incompatible, false), (code, document["ok"]!.GetValue<bool>()));
        Assert.NotEmpty(xsave);
        Assert.All(xsave, static one => Assert.InRange(one["steps"]!.AsArray().Count, 1, 4));
        (ExitCode again, string text, string _) = Run("--subject", "model:G0", "--host", Host, "--count", "500");
        Assert.Equal(ExitCode.Incompatible, again);
        Assert.Contains("unexplained differences", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_without_kvm_is_exit_69()
        => Run("--device", "/dev/null").IsRefused(ExitCode.Unavailable);

    [Theory]
    [InlineData(ExitCode.Usage, "--count", "0", "--subject", "model", "--host", Host)]
    [InlineData(ExitCode.BadInput, "--subject", "model")]
    [InlineData(ExitCode.BadInput, "--subject", "model:G9", "--host", Host)]
    [InlineData(ExitCode.BadInput, "--subject", "another", "--host", Host)]
    [InlineData(ExitCode.BadInput, "--subject", "model", "--host", "shipped:nothing")]
    public void A_wrong_word_is_one_line(ExitCode expected, params string[] words)
        => Run(words).IsRefused(expected);

    [Fact]
    public void Every_recorded_run_keeps_to_the_schema_and_has_no_unexplained_difference()
    {
        string[] files = Directory.GetFiles(Repository.At("data", "results", "differential"), "*.json");

        Assert.True(files.Length >= 3);
        Assert.All(files, static file =>
        {
            JsonNode document = SchemaCheck.Kept("differential-1", File.ReadAllBytes(file));
            Assert.True(document["ok"]!.GetValue<bool>(), file);
            Assert.Equal("live", document["subject"]!.GetValue<string>());
        });
    }

    [Theory]
    [InlineData("amd-epyc-kvm-pvm-6.18.44")]
    [InlineData("amd-qemu-max-6.1.192")]
    [InlineData("amd-qemu-max-6.12.117")]
    public void A_kernel_was_given_a_hundred_thousand_random_ioctls(string kernel)
    {
        JsonNode[] runs = [.. Directory.GetFiles(Repository.At("data", "results", "differential"), $"{kernel}-seed-*.json").Select(static file => JsonNode.Parse(File.ReadAllText(file))!)];

        Assert.True(runs.Sum(static run => run["steps"]!.GetValue<long>()) >= 100_000);
        Assert.Equal(runs.Length, runs.Select(static run => run["seed"]!.GetValue<int>()).Distinct().Count());
        Assert.All(runs, static run => Assert.True(run["ioctls"]!.GetValue<long>() > 5 * run["steps"]!.GetValue<long>() && run["undecided"]!.GetValue<int>() == 0));
    }

    private static (ExitCode Code, JsonNode Document) Json(params string[] words)
    {
        CommandRun run = Run(["--json", .. words]);
        return (run.Code, run.Document("differential-1"));
    }

    private static CommandRun Run(params string[] words) => CommandRun.Of(["conformance", "differential", .. words]);
}
