using System.Diagnostics;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Runs the real program, as built beside these tests.</summary>
internal static class PortolanProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>What one run answered.</summary>
    internal sealed record Run(int ExitCode, string Output, string Error)
    {
        public string OneErrorLine
        {
            get
            {
                string line = Error.TrimEnd('\n');
                Assert.DoesNotContain('\n', line);
                Assert.StartsWith("portolan: ", line, StringComparison.Ordinal);
                return line;
            }
        }
    }

    public static Run Start(params string[] arguments) => Start(null, arguments);

    public static Run StartIn(string folder, params string[] arguments) => Start(null, arguments, folder);

    public static Run Start(byte[]? input, string[] arguments, string? folder = null, TimeSpan? limit = null)
    {
        ProcessStartInfo start = new(Dotnet(), ["exec", Path.Combine(AppContext.BaseDirectory, "portolan.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Repository.Root,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(input ?? []);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program refused before it read its input.
        }

        if (!process.WaitForExit(limit ?? Limit))
        {
            process.Kill();
            Assert.Fail($"portolan {string.Join(' ', arguments)} hangs");
        }

        Assert.DoesNotContain("   at ", error.Result, StringComparison.Ordinal);
        return new Run(process.ExitCode, output.Result, error.Result);
    }

    private static string Dotnet() => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
}
