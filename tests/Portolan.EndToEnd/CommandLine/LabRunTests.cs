using System.Text.Json.Nodes;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Records;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>One lab kernel, booted for real: the newest 6.1 that the distribution serves, in QEMU's translator.</summary>
public sealed class LabRunTests
{
    private const int Unavailable = 69, Unknown = 3;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    private static string Program { get; } = Repository.At("out", "native", "portolan");

    [Fact]
    public void Lab_run_boots_a_kernel_and_brings_back_its_host_and_its_conformance()
    {
        Assert.SkipUnless(File.Exists(Program), "the program is not compiled ahead of time (out/native/portolan): ./portolan does it where gcc and zlib's headers are");
        using TemporaryFolder folder = new();
        PortolanProcess.Run run = PortolanProcess.Start(
            null,
            [
                "lab", "run", "--kernel", "6.1", "--timeout", "300", "--program", Program, "--json", "-o", folder.At("out"), "--record", folder.At("data"),
                "--run", "host classify --json", "--run", "conformance run --case no-such-case",
            ],
            limit: Limit);
        Assert.SkipWhen(run.ExitCode == Unavailable, run.Error.Trim());

        Assert.True(run.ExitCode == Unknown, run.Error + run.Output); // Not 1: no case failed. Not 0: one of the further commands did.
        JsonObject boot = (JsonObject)JsonNode.Parse(run.Output)!["boots"]![0]!;
        Assert.Equal("finished", boot["outcome"]!.GetValue<string>());
        Assert.Equal(["run-2: exit code 64: portolan: --case no-such-case: no case's id begins with it"], ((JsonArray)boot["missing"]!).Select(static line => line!.GetValue<string>()));
        Assert.Equal((0, true), (boot["conformance"]!["fail"]!.GetValue<int>(), boot["conformance"]!["pass"]!.GetValue<int>() > 300));

        string results = folder.At(Path.Combine("out", boot["name"]!.GetValue<string>()));
        Reading<HostSnapshot> host = HostSnapshotDocument.Read("host.json", File.ReadAllBytes(Path.Combine(results, "host.json")));
        Assert.Equal("kvm_amd", host.Value!.KvmModule!.Value);
        Assert.StartsWith("6.1.", host.Value.KernelRelease!.Value, StringComparison.Ordinal);
        Assert.Equal(HostSnapshotDocument.ContentHash(host.Value), boot["contentHash"]!.GetValue<string>());
        Assert.Contains("Linux version 6.1.", File.ReadAllText(Path.Combine(results, "console.log")), StringComparison.Ordinal);
        Assert.True(new FileInfo(Path.Combine(results, "conformance.json")).Length > 1000);
        Assert.True(new FileInfo(Path.Combine(results, "run-1.out")).Length > 1000);

        string name = $"{boot["name"]}.json";
        Reading<KernelRecord> record = KernelRecordDocument.Read(name, File.ReadAllBytes(Path.Combine(folder.At("data"), "results", name)));
        Assert.Equal(("amd", host.Value.KernelVersion!.Value, 0), (record.Value!.Oracle, record.Value.KernelVersion, record.Value.Count(RecordedOutcome.Fail)));
        Assert.Equal(File.ReadAllBytes(Path.Combine(results, "host.json")), File.ReadAllBytes(Path.Combine(folder.At("data"), "hosts", name)));
    }

    [Fact]
    public void Lab_run_that_takes_too_long_is_stopped_and_reported_with_nothing_left_behind()
    {
        Assert.SkipUnless(File.Exists(Program), "the program is not compiled ahead of time (out/native/portolan): ./portolan does it where gcc and zlib's headers are");
        using TemporaryFolder folder = new();
        PortolanProcess.Run run = PortolanProcess.Start(
            null, ["lab", "run", "--kernel", "6.1", "--timeout", "1", "--program", Program, "--json"], limit: Limit);
        Assert.SkipWhen(run.ExitCode == Unavailable, run.Error.Trim());

        Assert.Equal(3, run.ExitCode);
        JsonObject boot = (JsonObject)JsonNode.Parse(run.Output)!["boots"]![0]!;
        Assert.Equal("timed-out", boot["outcome"]!.GetValue<string>());
        Assert.Contains("stopped at its time limit", boot["missing"]![0]!.GetValue<string>(), StringComparison.Ordinal);
    }

    /// <summary>XS-2 on real kernels: an over-saved image, taken, trimmed, and nothing that the guest can read is lost.</summary>
    [Fact]
    public void Lab_chain_carries_a_guest_over_kernels_and_its_code_reads_the_same_on_each()
    {
        Assert.SkipUnless(File.Exists(Program), "the program is not compiled ahead of time (out/native/portolan): ./portolan does it where gcc and zlib's headers are");
        PortolanProcess.Run run = PortolanProcess.Start(
            null, ["lab", "chain", "--kernel", "5.10", "6.1", "--without", "pku", "--over-save", "pkru", "--timeout", "300", "--program", Program, "--json"], limit: Limit);
        Assert.SkipWhen(run.ExitCode == Unavailable, run.Error.Trim());

        Assert.True(run.ExitCode == 0, run.Error + run.Output);
        JsonObject chain = (JsonObject)JsonNode.Parse(run.Output)!;
        JsonArray hops = (JsonArray)chain["hops"]!;
        Assert.Equal((true, 2), (chain["ok"]!.GetValue<bool>(), hops.Count));
        Assert.True(hops[0]!["hop"]!["started"]!.GetValue<bool>());
        JsonNode second = hops[1]!["hop"]!;
        Assert.Equal(("0x207", "0x7"), (second["loadedXstateBv"]!.GetValue<string>(), second["savedXstateBv"]!.GetValue<string>()));
        Assert.Empty((JsonArray)second["differences"]!);
        Assert.True(second["cpuidLeaves"]!.GetValue<int>() > 10 && second["msrs"]!.GetValue<int>() > 10);
    }

    [Theory]
    [InlineData(64, "--oracle arm: expected amd or intel", "--kernel", "6.1", "--oracle", "arm")]
    [InlineData(64, "--jobs 0: expected 1 to 16", "--kernel", "6.1", "--jobs", "0")]
    [InlineData(65, "found nothing of that name; build it with ./portolan", "--kernel", "TREE", "--program", "/nowhere")]
    [InlineData(65, "expected a kernel package's name, the beginning of a release", "--kernel", "no/such", "--program", "/bin/ls")]
    public void Lab_run_says_in_one_line_what_is_wrong(int code, string expected, params string[] arguments)
    {
        using TemporaryFolder folder = new();
        string[] words = [.. arguments.Select(word => word == "TREE" ? PlantKernel(folder) : word)];

        PortolanProcess.Run run = PortolanProcess.Start(["lab", "run", .. words]);
        Assert.SkipWhen(run.ExitCode == Unavailable, run.Error.Trim());

        Assert.Equal(code, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    /// <summary>A folder that looks like a kernel's as far as its header and modules go.</summary>
    private static string PlantKernel(TemporaryFolder folder)
    {
        byte[] image = new byte[4096];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        image[0x20f] = 4;
        "6.1.0-1-cloud-amd64 (x)"u8.CopyTo(image.AsSpan(0x600));
        folder.Write("vmlinuz", image);
        folder.Write("kvm-amd.ko", "\u007fELF\0depends=\0");
        return folder.Path;
    }
}
