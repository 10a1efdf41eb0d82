using System.ComponentModel;
using System.Diagnostics;

namespace Portolan.Lab;

/// <summary>What a program that ran to its end answered.</summary>
/// <param name="ExitCode">Its exit code; null where it was stopped at a time limit or did not start.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error, or why it did not start.</param>
internal sealed record ChildAnswer(int? ExitCode, byte[] Output, string Error)
{
    public bool Ok => ExitCode == 0;

    /// <summary>The last line of the error stream, for a message.</summary>
    public string LastError => Error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? $"exit code {ExitCode}";
}

/// <summary>Starts other programs. Whatever is started ends here: with its children, when it is done, at a time limit, or on cancellation.</summary>
internal static class ChildProcess
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>The path of a program on this machine; null where it is not there.</summary>
    public static string? Find(string program)
        => Path.IsPathRooted(program)
            ? File.Exists(program) ? program : null
            : SearchPath.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>The user's search path, and the folders of system programs, which some users' lacks.</summary>
    private static IEnumerable<string> SearchPath
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);

    /// <summary>Starts a program without a standard input, in a fixed locale.</summary>
    /// <exception cref="Win32Exception">It cannot be started.</exception>
    public static Process Start(string folder, IEnumerable<string> command)
    {
        string[] words = [.. command];
        ProcessStartInfo start = new(Find(words[0]) ?? words[0], words[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = string.Join(':', SearchPath);
        start.Environment["LC_ALL"] = "C";
        start.Environment["TERM"] = "vt100";
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the program and its children are gone.</exception>
    public static ChildAnswer Run(string folder, TimeSpan limit, CancellationToken cancel, params string[] command)
    {
        cancel.ThrowIfCancellationRequested();
        Process process;
        try
        {
            process = Start(folder, command);
        }
        catch (Win32Exception refused)
        {
            return new ChildAnswer(null, [], $"{command[0]}: {refused.Message}");
        }

        using (process)
        {
            using MemoryStream output = new();
            Task drained = process.StandardOutput.BaseStream.CopyToAsync(output, CancellationToken.None);
            Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            Stopwatch clock = Stopwatch.StartNew();
            while (!process.WaitForExit(Poll))
            {
                if (cancel.IsCancellationRequested || clock.Elapsed > limit)
                {
                    Stop(process);
                    cancel.ThrowIfCancellationRequested();
                    return new ChildAnswer(null, [], $"{command[0]} did not end within {limit.TotalSeconds:0} s");
                }
            }

            Task.WaitAll([drained, error], CancellationToken.None);
            return new ChildAnswer(process.ExitCode, output.ToArray(), error.Result);
        }
    }

    /// <summary>Ends a program and all of its children; it is gone when this returns.</summary>
    public static void Stop(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        catch (Exception gone) when (gone is InvalidOperationException or AggregateException or Win32Exception)
        {
            // It ended by itself in this moment.
        }
    }
}
