using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Portolan.Documents.Hosts;
using Portolan.Lab;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;
using Portolan.Testing;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>
/// A real QEMU on a real KVM: under the newest 6.1 kernel of the distribution, in QEMU's translator, the recorded stream with MPX is loaded as it was saved and as it was rewritten.
/// </summary>
public sealed class StreamLabTests : IDisposable
{
    private const string Recorded = "qemu72-saved-on-g1-with-mpx";
    private const string Subsection = "cpu/msr_smi_count";

    private readonly TemporaryFolder _folder = new();

    private static string Program { get; } = Repository.At("out", "native", "portolan");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_stream_with_mpx_loads_only_after_the_rewrite_and_stream_check_says_so()
    {
        Assert.SkipUnless(File.Exists(Program), "the program is not compiled ahead of time (out/native/portolan): ./portolan does it where gcc and zlib's headers are");
        LabQemu telling = LabQemu.ThatTells(_folder.At("qemu"));
        LabQemu own = LabQemu.OfThisMachine();
        _folder.Write("original.mig", RecordedStreams.Read(Recorded));
        Assert.Equal(0, Portolan("guest", "define", "--host", "shipped:amd-qemu-max-6.1.192", "--without", "pku", "-o", "guest.json").ExitCode);
        Assert.Equal(0, Portolan("stream", "rewrite", "original.mig", "--to", "rewritten.mig", "--guest", "guest.json", "--sanitise-xstate-bv").ExitCode);

        string[] machine = ["-L", "/firmware", "-accel", "kvm", "-machine", "pc-q35-7.2", "-m", "16", "-cpu", "host,-pku"];
        LabResult boot = Boot(
            [telling, own],
            [telling.Load("original", "/original.mig", machine), telling.Load("rewritten", "/rewritten.mig", machine), own.Load("unheard", "/original.mig", machine)]);

        GuestReply original = Reply(boot, "original");
        Assert.Equal(1, original.ExitCode);
        Assert.Contains("Failed to set XSAVE: Invalid argument", Error(original), StringComparison.Ordinal);
        Assert.Null(original.Files["again.mig"].Content);

        GuestReply rewritten = Reply(boot, "rewritten");
        Assert.True(rewritten.ExitCode == 0, Error(rewritten));
        Assert.Contains("\"status\": \"running\"", Encoding.UTF8.GetString(rewritten.Output.Content!), StringComparison.Ordinal);
        Assert.Contains(Subsection, Subsections(rewritten));

        // A QEMU that is told nothing runs on without what comes after the XSAVE image: vmm.not-loaded.
        GuestReply unheard = Reply(boot, "unheard");
        if (!own.TellsRefusals)
        {
            Assert.True(unheard.ExitCode == 0, Error(unheard));
            Assert.DoesNotContain(Subsection, Subsections(unheard));
        }

        _folder.Write("lab.json", HostSnapshotDocument.Write(boot.Host.Value!).ToArray());
        Assert.Equal("incompatible", Verdict("original.mig"));
        Assert.Contains(Verdict("rewritten.mig"), (string[])["compatible", "compatible-with-warnings"]);
    }

    private LabResult Boot(LabQemu[] emulators, ImmutableArray<GuestCommand> commands)
    {
        LabRequest request = new(["6.1"], [Oracle.Amd], Program)
        {
            RunsConformance = false,
            Further = commands,
            TimeLimit = TimeSpan.FromMinutes(6),
            Files =
            [
                .. emulators.Distinct().SelectMany(static qemu => qemu.Files()).DistinctBy(static file => file.Path), LabQemu.Script(_folder),
                new("/original.mig", _folder.At("original.mig")), new("/rewritten.mig", _folder.At("rewritten.mig")),
            ],
        };
        Obtained<IReadOnlyList<LabResult>> results = new LabRun(request, new Silence()).Run(TestContext.Current.CancellationToken);
        Assert.SkipWhen(results.Fault is { Kind: LabFaultKind.Unavailable }, results.Fault?.Message ?? "");
        Assert.True(results.Ok, results.Fault?.Message);
        LabResult boot = Assert.Single(results.Value!);
        Assert.True(boot.Boot.Outcome == BootOutcome.Finished, string.Join('\n', boot.Missing) + string.Join('\n', boot.Boot.ConsoleTail));
        return boot;
    }

    private IEnumerable<string> Subsections(GuestReply reply)
    {
        _folder.Write("again.mig", reply.Files["again.mig"].Content!);
        return [.. Json(Portolan("stream", "inspect", "again.mig", "--json")).GetProperty("vcpus")[0].GetProperty("subsections").EnumerateArray().Select(static name => name.GetString()!)];
    }

    private string Verdict(string stream)
        => Json(Portolan("stream", "check", stream, "--guest", "guest.json", "--host", "lab.json", "--json")).GetProperty("hosts")[0].GetProperty("answer").GetProperty("verdict").GetString()!;

    private static GuestReply Reply(LabResult boot, string name) => boot.Boot.Replies.Single(reply => reply.Command.Name == name);

    private static string Error(GuestReply reply) => Encoding.UTF8.GetString(reply.Error.Content ?? []);

    private static JsonElement Json(Run run) => JsonDocument.Parse(run.Output).RootElement;

    private Run Portolan(params string[] arguments) => PortolanProcess.StartIn(_folder.Path, arguments);

    private sealed class Silence : ILabProgress
    {
        public void Say(string message)
        {
        }

        public void Stage(string name, string stage)
        {
        }

        public void Done(LabResult result)
        {
        }
    }
}
