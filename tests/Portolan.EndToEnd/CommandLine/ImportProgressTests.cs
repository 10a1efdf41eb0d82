using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>A person's terminal, made by script(1): the bar is on it, and nothing of it is in the answer.</summary>
public sealed class ImportProgressTests(ITestOutputHelper output)
{
    private const string Script = "/usr/bin/script";
    private const int Files = 1000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static readonly string[] Seeds =
        ["cpuid-raw.txt", "instlatx64.txt", "libvirt-cpudata.xml", "proc-cpuinfo.txt", "qmp-kvm.json", "virsh-capabilities.xml", "virsh-domcapabilities.xml", "kubevirt-node.json"];

    [Fact]
    public async Task A_terminal_sees_a_bar_and_the_answer_has_nothing_of_it()
    {
        Assert.SkipUnless(File.Exists(Script), $"{Script} is not there");
        using TemporaryFolder folder = new();
        for (int i = 0; i < Files; i++)
        {
            string seed = Seeds[i % Seeds.Length];
            folder.Write(string.Create(CultureInfo.InvariantCulture, $"host-{i:0000}{Path.GetExtension(seed)}"), await File.ReadAllBytesAsync(Repository.At("tests", "Portolan.Formats.Tests", "Seeds", seed), TestContext.Current.CancellationToken));
        }

        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        string run = folder.Write("run.sh", $"exec '{dotnet}' exec '{Path.Combine(AppContext.BaseDirectory, "portolan.dll")}' host import '{folder.Path}'/host-* --output-directory '{folder.At("out")}' --json >'{folder.At("answer")}'\n");
        ProcessStartInfo start = new(Script, ["-qec", $"/bin/sh {run}", folder.At("typescript")]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["TERM"] = "xterm";
        start.Environment["SHELL"] = "/bin/sh";
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        string echoed = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        string seen = await File.ReadAllTextAsync(folder.At("typescript"), limit.Token);

        Assert.True(process.ExitCode == 0, seen);
        Assert.Equal(Files, JsonDocument.Parse(await File.ReadAllTextAsync(folder.At("answer"), limit.Token)).RootElement.GetArrayLength());
        Assert.Equal(Files, Directory.GetFiles(folder.At("out")).Length);
        Assert.Contains("\u001b[", seen, StringComparison.Ordinal);
        Assert.Contains("importing", seen, StringComparison.Ordinal);
        Assert.Contains('%', seen);
        Assert.DoesNotContain("contentHash", seen, StringComparison.Ordinal);
        Assert.NotEmpty(echoed);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Files} files in {time.TotalSeconds:F1} s, {seen.Split("importing").Length - 1} pictures of the bar"));
    }
}
