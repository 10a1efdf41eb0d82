using System.Text.Json.Nodes;
using Portolan.Cli.Frame;

namespace Portolan.Conformance.Tests;

/// <summary>What guest code reads: the table of a guest with eVMCS, and a guest that is carried over hosts.</summary>
public sealed class GuestCodeTests
{
    private const string HostEnding = ".host.json";

    public static TheoryData<string> Recorded => [.. Directory.EnumerateFiles(Repository.At("data", "evmcs-visible"), "*" + HostEnding).Order(StringComparer.Ordinal).Select(static file => file[..^HostEnding.Length])];

    [Fact]
    public void The_table_is_recorded_on_several_kernels() => Assert.True(Recorded.Count >= 4);

    [Theory]
    [MemberData(nameof(Recorded))]
    public void What_guest_code_read_on_a_kernel_is_what_the_model_of_its_host_predicts(string name)
    {
        CommandRun run = CommandRun.Of("conformance", "evmcs-table", "--subject", name + HostEnding, "--measured", name + ".json", "--json");

        JsonNode document = run.Document("evmcs-visible-1");
        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal(File.ReadAllText(name + ".json"), run.Output);
        Assert.True(document["ok"]!.GetValue<bool>() && document["guestRan"]!.GetValue<bool>());
        JsonNode[] rows = [.. document["guests"]!.AsArray().SelectMany(static guest => guest!["msrs"]!.AsArray()).Select(static row => row!)];
        Assert.Equal(60, rows.Length);

        // Only the MSR whose bits follow the guest CPUID may differ, and only for that reason.
        Assert.All(rows.Where(static row => row["model"] is not null), static row => Assert.Equal(("0x48b", true), (row["index"]!.GetValue<string>(), row["reason"] is not null)));
    }

    [Theory]
    [MemberData(nameof(Recorded))]
    public void A_value_that_no_filter_gives_is_found(string name)
    {
        using TemporaryFile altered = new(File.ReadAllText(name + ".json").Replace("0000003f00000016", "0000002f00000016", StringComparison.Ordinal));

        (ExitCode code, string output, string _) = CommandRun.Of("conformance", "evmcs-table", "--subject", name + HostEnding, "--measured", altered.Path);

        Assert.Equal(ExitCode.Incompatible, code);
        Assert.Contains("are not as the model predicts", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"schema":"portolan/evmcs-visible/1","guests":[]}""")]
    [InlineData("""{"schema":"portolan/evmcs-visible/1","guests":[{"hyperv":"none","msrs":[{"index":"480"}]}]}""")]
    [InlineData("""{"schema":"portolan/evmcs-visible/1","guests":[{"hyperv":"some","msrs":[]}]}""")]
    public void A_recorded_table_that_is_none_is_one_line(string text)
    {
        using TemporaryFile wrong = new(text);

        CommandRun.Of("conformance", "evmcs-table", "--subject", "shipped:intel-bochs-skylake-x-6.12.117", "--measured", wrong.Path).IsRefused(ExitCode.BadInput);
    }

    [Fact]
    public void Over_the_models_of_three_kernels_an_over_saved_guest_reads_what_it_read_at_its_start()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("portolan-carry-");
        try
        {
            string At(string name) => Path.Combine(folder.FullName, name);
            Assert.Equal(ExitCode.Done, CommandRun.Of("guest", "carry", "--host", "shipped:amd-qemu-max-5.10.218", "--without", "pku", "--over-save", "pkru", "-o", At("1")).Code);
            CommandRun first = CommandRun.Of("guest", "carry", "--host", "shipped:amd-qemu-max-6.1.192", "--from", At("1"), "-o", At("2"), "--json");
            JsonNode hop = first.Document("guest-hop-1");
            SchemaCheck.Kept("guest-reading-1", File.ReadAllBytes(Path.Combine(At("2"), "reading.json")));

            Assert.Equal((ExitCode.Done, "0x207", "0x7"), (first.Code, hop["loadedXstateBv"]!.GetValue<string>(), hop["savedXstateBv"]!.GetValue<string>()));
            Assert.Equal(ExitCode.Done, CommandRun.Of("guest", "carry", "--host", "shipped:amd-qemu-max-7.3.4", "--from", At("2"), "-o", At("3")).Code);

            // The same state with another guest's registers is found out.
            string state = Path.Combine(At("2"), "state.json");
            JsonNode altered = JsonNode.Parse(File.ReadAllText(state))!;
            byte[] image = Convert.FromBase64String(altered["vcpus"]![0]!["xsave"]!.GetValue<string>());
            image[200] ^= 1;
            altered["vcpus"]![0]!["xsave"] = Convert.ToBase64String(image);
            File.WriteAllText(state, altered.ToJsonString());
            (ExitCode other, string words, string _) = CommandRun.Of("guest", "carry", "--host", "shipped:amd-qemu-max-7.3.4", "--from", At("2"), "-o", At("4"));
            Assert.Equal(ExitCode.Incompatible, other);
            Assert.Contains("extended registers: sse", words, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
