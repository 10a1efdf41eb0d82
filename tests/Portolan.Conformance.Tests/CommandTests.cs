using System.Text;
using System.Text.Json.Nodes;
using Portolan.Cli.Frame;
using Portolan.Documents.Tests;
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
        Check(document);
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
        Check(document);
        Assert.True(document["summary"]!["pass"]!.GetValue<int>() > 150);
    }

    [Fact]
    public void A_host_without_kvm_is_exit_69()
    {
        (ExitCode code, string _, string error) = Run("--device", "/dev/null");

        Assert.Equal(ExitCode.Unavailable, code);
        Assert.StartsWith("portolan: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCode.BadInput, "--subject", "model:G9")]
    [InlineData(ExitCode.BadInput, "--subject", "shipped:nothing")]
    [InlineData(ExitCode.Usage, "--case", "no-such-case", "--subject", "model")]
    public void A_wrong_word_is_one_line(ExitCode expected, params string[] words)
    {
        (ExitCode code, string output, string error) = Run(words);

        Assert.Equal((expected, ""), (code, output));
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    private static void Check(JsonNode document)
    {
        SchemaCheck check = new((JsonObject)JsonNode.Parse(File.ReadAllText(Repository.At("data", "schemas", "conformance-1.schema.json")))!);
        check.Check(document);
        Assert.Empty(check.Problems);
    }

    private static (ExitCode Code, JsonNode Document) Json(params string[] words)
    {
        (ExitCode code, string output, string error) = Run(["--json", .. words]);
        Assert.Equal("", error);
        return (code, JsonNode.Parse(output)!);
    }

    private static (ExitCode Code, string Output, string Error) Run(params string[] words)
    {
        using MemoryStream output = new();
        using StringWriter error = new();
        ExitCode code = CommandLineProgram.Run(["conformance", "run", .. words], new Terminal(Stream.Null, output, error, isInteractive: false));
        return (code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
