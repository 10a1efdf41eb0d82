using System.Diagnostics;
using System.Text.Json;

namespace Portolan.Formats.Tests.QemuMonitor;

/// <summary>A QEMU of this machine, stopped before its first instruction, with two monitors: one for the test, one for the reader under test.</summary>
internal sealed class RunningQemu : IDisposable
{
    private const string Program = "qemu-system-x86_64";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _folder;

    private RunningQemu(Process process, string folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>The socket of the second monitor.</summary>
    public string Socket => Path.Combine(_folder, "qmp");

    /// <summary>Starts it under TCG; skips the test, visibly, where QEMU is not installed.</summary>
    public static RunningQemu Start(string machine, string cpu)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, $"{Program} is not installed");
        string folder = Directory.CreateTempSubdirectory("portolan-qemu-").FullName;
        ProcessStartInfo start = new(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "-M", machine, "-accel", "tcg", "-m", "32", "-S", "-nodefaults", "-display", "none", "-qmp", "stdio",
                "-qmp", $"unix:{Path.Combine(folder, "qmp")},server=on,wait=off",
            },
        };
        if (cpu.Length > 0)
        {
            start.ArgumentList.Add("-cpu");
            start.ArgumentList.Add(cpu);
        }

        RunningQemu qemu = new(Process.Start(start)!, folder);
        qemu._process.ErrorDataReceived += static (_, _) => { };
        qemu._process.BeginErrorReadLine();
        Assert.NotNull(qemu.Line());
        _ = qemu.Ask("{\"execute\":\"qmp_capabilities\"}");
        return qemu;
    }

    /// <summary>What an order returns.</summary>
    public JsonElement Ask(string order)
    {
        _process.StandardInput.WriteLine(order);
        _process.StandardInput.Flush();
        while (true)
        {
            string line = Line() ?? throw new InvalidOperationException("QEMU ended");
            JsonElement answer = JsonDocument.Parse(line).RootElement;
            if (answer.TryGetProperty("return", out JsonElement value))
            {
                return value;
            }

            Assert.False(answer.TryGetProperty("error", out JsonElement error), error.ToString());
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string? Line()
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync();
        Assert.True(line.Wait(Patience), "QEMU does not answer");
        return line.Result;
    }
}
