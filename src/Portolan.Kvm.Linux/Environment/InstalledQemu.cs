using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;

namespace Portolan.Kvm.Linux.Environment;

/// <summary>Asks the QEMU on the path for its version and machine types.</summary>
internal static class InstalledQemu
{
    private const string Program = "qemu-system-x86_64";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The version, as <c>qemu 7.2.22</c>, and the versioned machine types; nulls where no QEMU answers.</summary>
    internal static (string? Vmm, ImmutableArray<string>? Machines) Ask()
    {
        const string Before = "QEMU emulator version ";
        string? version = Run("--version")?.Split('\n')
            .FirstOrDefault(line => line.StartsWith(Before, StringComparison.Ordinal))?[Before.Length..].Split(' ')[0].Trim();
        if (version is null)
        {
            return (null, null);
        }

        // The first word of each line names the type; the first line is a heading.
        IEnumerable<string>? machines = Run("-machine", "help")?.Split('\n').Skip(1)
            .Select(line => line.Split(' ')[0].Trim())
            .Where(name => name.Length > 0)
            .Order(StringComparer.Ordinal);
        return ($"qemu {version}", machines is null ? null : [.. machines]);
    }

    private static string? Run(params string[] arguments)
    {
        ProcessStartInfo start = new(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return null;
            }

            return process.ExitCode == 0 ? output.Result : null;
        }
        catch (Win32Exception)
        {
            // There is no such program.
            return null;
        }
    }
}
