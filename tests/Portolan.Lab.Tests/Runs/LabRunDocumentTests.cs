using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Portolan.Kvm.Kernel;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;
using Portolan.Lab.Runs;
using Portolan.Testing;

namespace Portolan.Lab.Tests.Runs;

public sealed class LabRunDocumentTests
{
    private static byte[] Host { get; } = File.ReadAllBytes(Repository.At("data", "hosts", "amd-qemu-max-6.1.192.json"));

    private static ImmutableSortedDictionary<string, ReturnedFile> NoFiles => ImmutableSortedDictionary<string, ReturnedFile>.Empty;

    [Fact]
    public void Write_a_finished_boot_has_its_host_and_its_counts()
    {
        LabResult result = Result(
            BootOutcome.Finished,
            Reply(LabRequest.HostCommand, 0, Host),
            Reply(LabRequest.ConformanceCommand, 1, """{"summary": {"pass": 5, "fail": 1, "deviation": 2, "notDecidable": 3}}"""u8.ToArray()));

        JsonNode boot = Checked(result);

        Assert.StartsWith("sha256:", boot["contentHash"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal((5, 1), (boot["conformance"]!["pass"]!.GetValue<int>(), boot["conformance"]!["fail"]!.GetValue<int>()));
        Assert.Equal("amd-qemu-max-6.1.192", boot["name"]!.GetValue<string>());
        Assert.Empty(result.Missing);
        Assert.False(result.KeepsContract);
    }

    [Fact]
    public void Write_a_boot_that_hangs_says_where_and_shows_the_console()
    {
        LabResult result = Result(BootOutcome.TimedOut, new GuestReply(Command(LabRequest.HostCommand), null, ReturnedFile.Missing, ReturnedFile.Missing, NoFiles));

        JsonNode boot = Checked(result);

        Assert.Equal("timed-out", boot["outcome"]!.GetValue<string>());
        Assert.Equal(["stopped at its time limit in stage host", "host: it did not come to its end"], result.Missing);
        Assert.Equal("the last line", ((JsonArray)boot["consoleTail"]!)[^1]!.GetValue<string>());
        Assert.Null(boot["contentHash"]);
    }

    [Fact]
    public void Missing_names_a_command_that_failed_and_a_file_that_is_damaged()
    {
        GuestReply failed = Reply(LabRequest.ConformanceCommand, 69, []) with { Error = new ReturnedFile("portolan: no /dev/kvm\n"u8.ToArray(), null) };
        GuestReply damaged = Reply(LabRequest.HostCommand, 0, []) with { Output = new ReturnedFile(null, "its SHA-256 is not the one announced") };

        ImmutableArray<string> missing = Result(BootOutcome.Finished, damaged, failed).Missing;

        Assert.Contains("conformance: exit code 69: portolan: no /dev/kvm", missing);
        Assert.Contains("host: its output did not come back: its SHA-256 is not the one announced", missing);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Missing_names_a_further_command_that_did_not_end_with_0(int code)
    {
        GuestReply failed = Reply("run-1", code, []) with { Error = new ReturnedFile("portolan: --case x: no case's id begins with it\n"u8.ToArray(), null) };

        LabResult result = Result(BootOutcome.Finished, Reply(LabRequest.HostCommand, 0, Host), failed);

        Assert.Equal([$"run-1: exit code {code}: portolan: --case x: no case's id begins with it"], result.Missing);
    }

    private static JsonNode Checked(LabResult result)
    {
        JsonNode document = SchemaCheck.Kept("lab-run-1", LabRunDocument.Write([result]).Span);
        return ((JsonArray)document["boots"]!)[0]!;
    }

    private static LabResult Result(BootOutcome outcome, params ImmutableArray<GuestReply> replies) => new(
        "6.1", "linux-image-6.1.0-56-cloud-amd64", Oracle.Amd, new BootHeader("6.1.0-56 (x)", "6.1.0-56", new KernelRelease(6, 1, 192)),
        new BootReport(outcome, "host", TimeSpan.FromSeconds(9), Encoding.UTF8.GetBytes("first\n\nthe last line\r\n"), replies));

    private static GuestReply Reply(string name, int code, byte[] output) => new(Command(name), code, new ReturnedFile(output, null), new ReturnedFile([], null), NoFiles);

    private static GuestCommand Command(string name) => GuestCommand.Program(name, "x");
}
