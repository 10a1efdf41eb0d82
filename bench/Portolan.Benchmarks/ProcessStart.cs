using System.Diagnostics;
using Portolan.Documents.Guests;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;

namespace Portolan.Benchmarks;

/// <summary>How long a whole process of the command line takes, against one that does nothing.</summary>
/// <param name="Name">What it did.</param>
/// <param name="Milliseconds">The median, from start to exit.</param>
/// <param name="FloorMilliseconds">The median of /bin/true, in turn with it.</param>
public sealed record ProcessStartFigure(string Name, double Milliseconds, double FloorMilliseconds);

/// <summary>Measures whole processes of the command line as <c>./portolan</c> built it.</summary>
public static class ProcessStart
{
    private const int Rounds = 41;
    private const string Source = "intel-bochs-skylake-x-6.1.192";
    private const string Destination = "intel-bochs-skylake-x-6.12.117";

    /// <summary>The figures; none where the program was not compiled ahead of time.</summary>
    public static IReadOnlyList<ProcessStartFigure> Measure(string root)
    {
        string program = Path.Combine(root, "out", "native", "portolan");
        if (!File.Exists(program))
        {
            return [];
        }

        string guest = WriteGuest(root);
        IReadOnlyList<ProcessStartFigure> figures =
        [
            Measure("portolan --version", program, "--version"),
            Measure("portolan host show (a shipped host)", program, "host", "show", "shipped:amd-qemu-max-6.1.192"),
            Measure("portolan host classify --help", program, "host", "classify", "--help"),
            Measure("portolan check (a guest on a pair of shipped hosts)", program, "check", "--guest", guest, "--via", $"shipped:{Source},shipped:{Destination}"),
        ];
        File.Delete(guest);
        return figures;
    }

    /// <summary>A guest with all that its host offers, in a file.</summary>
    private static string WriteGuest(string root)
    {
        string file = Path.Combine(root, "data", "hosts", Source + ".json");
        HostSnapshot host = HostSnapshotDocument.Read(file, File.ReadAllBytes(file)).Value!;
        GuestContract guest = GuestDefinition.From(host, new GuestRequest()).Contract!;
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, GuestContractDocument.Write(guest).ToArray());
        return path;
    }

    private static ProcessStartFigure Measure(string name, string program, params string[] arguments)
    {
        double[] own = new double[Rounds];
        double[] floor = new double[Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            floor[i] = Once("/bin/true");
            own[i] = Once(program, arguments);
        }

        return new ProcessStartFigure(name, Median(own), Median(floor));
    }

    private static double Once(string program, params string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
