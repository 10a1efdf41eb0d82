using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>A real QEMU that interprets its guest (TCG): a small machine in its firmware, and its monitor.</summary>
internal sealed class QemuProcess : IDisposable
{
    private const string Program = "qemu-system-x86_64";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StreamReader _reader;

    private QemuProcess(Process process, string monitor)
    {
        _process = process;
        Wait("the monitor", () => TryConnect(monitor));
        _reader = new StreamReader(new NetworkStream(_socket));
        Assert.Contains("QMP", _reader.ReadLine(), StringComparison.Ordinal);
        Execute("qmp_capabilities");
    }

    /// <summary>What query-status says.</summary>
    public string Status => Execute("query-status")!["status"]!.GetValue<string>();

    /// <summary>What query-migrate says.</summary>
    public string? Migration => Execute("query-migrate")!["status"]?.GetValue<string>();

    /// <summary>Starts one; skips the test where none is installed.</summary>
    public static QemuProcess Start(string folder, string name, params string[] more)
    {
        try
        {
            string monitor = Path.Combine(folder, name);
            string[] machine = ["-accel", "tcg", "-machine", "q35", "-m", "32", "-cpu", "qemu64", "-nodefaults", "-display", "none", "-qmp", $"unix:{monitor},server=on,wait=off"];
            Process process = Process.Start(new ProcessStartInfo(Program, [.. machine, .. more]) { RedirectStandardError = true, RedirectStandardInput = true })!;
            return new QemuProcess(process, monitor);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"{Program} is not installed");
            throw;
        }
    }

    /// <summary>Runs a monitor command and gives its answer.</summary>
    public JsonNode? Execute(string command, JsonObject? arguments = null)
    {
        JsonObject request = new() { ["execute"] = command };
        if (arguments is not null)
        {
            request["arguments"] = arguments;
        }

        _socket.Send(System.Text.Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"));
        while (_reader.ReadLine() is { } line)
        {
            JsonNode answer = JsonNode.Parse(line)!;
            if (answer["return"] is not null || answer["error"] is not null)
            {
                return answer["error"] is { } error ? throw new JsonException($"{command}: {error}") : answer["return"];
            }
        }

        throw new IOException($"QEMU is gone: {_process.StandardError.ReadToEnd()}");
    }

    /// <summary>Migrates through a shell command and waits for how it ends.</summary>
    public string MigrateThrough(string command)
    {
        Execute("migrate", new JsonObject { ["uri"] = "exec:" + command });
        Wait("the migration's end", () => Migration is "completed" or "failed");
        return Migration!;
    }

    /// <summary>Waits until something holds.</summary>
    public static void Wait(string what, Func<bool> holds)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(time.Elapsed < Patience, $"{what} did not come");
            Thread.Sleep(50);
        }
    }

    /// <summary>Waits until it ended by itself; its exit code.</summary>
    public int ExitCode()
    {
        Assert.True(_process.WaitForExit(Patience), "QEMU goes on");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _reader.Dispose();
        _socket.Dispose();
        _process.Dispose();
    }

    private bool TryConnect(string monitor)
    {
        if (!File.Exists(monitor))
        {
            return false;
        }

        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(monitor));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
