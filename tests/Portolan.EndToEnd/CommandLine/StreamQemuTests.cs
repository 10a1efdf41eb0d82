using System.Text.Json;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Streams of a real QEMU, and a real QEMU that loads what was rewritten.</summary>
public sealed class StreamQemuTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_guest_is_inspected_rewritten_and_runs_on()
    {
        using (QemuProcess source = QemuProcess.Start(_folder.Path, "source"))
        {
            Assert.Equal("completed", source.MigrateThrough($"cat > '{_folder.At("saved.mig")}'"));
        }

        JsonElement found = JsonDocument.Parse(Portolan("stream", "inspect", "saved.mig", "--json", "--section", "cpu").Output).RootElement;
        Assert.StartsWith("pc-q35-", found.GetProperty("machineType").GetString(), StringComparison.Ordinal);
        string[] subsections = [.. found.GetProperty("vcpus")[0].GetProperty("subsections").EnumerateArray().Select(static name => name.GetString()!)];

        // IA32_SYSENTER_EIP is of no use to the firmware; whatever subsections there are go with it.
        string[] drops = [.. subsections.SelectMany(static name => (string[])["--drop", name])];
        Run rewrite = Portolan(["stream", "rewrite", "saved.mig", "--to", "new.mig", "--set", "env.sysenter_eip=0x1234", "--force", .. drops]);
        Assert.Equal((0, ""), (rewrite.ExitCode, rewrite.Error));

        using QemuProcess destination = QemuProcess.Start(_folder.Path, "destination", "-incoming", $"exec:cat '{_folder.At("new.mig")}'");
        QemuProcess.Wait("the guest", () => destination.Status == "running");
        Assert.Equal("completed", destination.MigrateThrough($"cat > '{_folder.At("again.mig")}'"));
        JsonElement again = JsonDocument.Parse(Portolan("stream", "inspect", "again.mig", "--json", "--section", "cpu").Output).RootElement;
        Assert.Equal("0x0000000000001234", again.GetProperty("fields")[0].GetProperty("values").GetProperty("env.sysenter_eip").GetString());
    }

    [Fact]
    public void A_watch_that_stops_keeps_the_destination_from_running_and_the_source_goes_on()
    {
        Assert.Equal(0, Portolan("guest", "define", "--host", "shipped:amd-qemu-max-6.1.192", "-o", "guest.json").ExitCode);
        string portolan = $"'{Environment.ProcessPath}' exec '{Path.Combine(AppContext.BaseDirectory, "portolan.dll")}'";
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) != "dotnet")
        {
            portolan = $"dotnet exec '{Path.Combine(AppContext.BaseDirectory, "portolan.dll")}'";
        }

        string watch = $"{portolan} stream watch --guest '{_folder.At("guest.json")}' --host shipped:intel-bochs-skylake-x-6.1.192 --stop-on incompatible";
        using QemuProcess source = QemuProcess.Start(_folder.Path, "source");
        source.MigrateThrough($"{watch} 2> '{_folder.At("watch.err")}' > '{_folder.At("passed.mig")}'");

        QemuProcess.Wait("the watch", () => File.ReadAllText(_folder.At("watch.err")).Contains("the pipe is broken", StringComparison.Ordinal));
        using (QemuProcess destination = QemuProcess.Start(_folder.Path, "destination", "-incoming", "defer"))
        {
            destination.Execute("migrate-incoming", new() { ["uri"] = $"exec:cat '{_folder.At("passed.mig")}'" });
            Assert.NotEqual(0, destination.ExitCode());
        }

        source.Execute("cont");
        QemuProcess.Wait("the guest at the source", () => source.Status == "running");
        Run inspected = Portolan("stream", "inspect", "passed.mig", "--json");
        Assert.Equal(65, inspected.ExitCode);
        Assert.Empty(JsonDocument.Parse(inspected.Output).RootElement.GetProperty("vcpus").EnumerateArray());
    }

    private Run Portolan(params string[] arguments) => PortolanProcess.StartIn(_folder.Path, arguments);
}
