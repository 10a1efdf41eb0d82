using System.Diagnostics;
using System.Globalization;
using Portolan.Streams.Sections;

namespace Portolan.Benchmarks;

/// <summary>How fast a stream is walked, against reading the same file from the page cache.</summary>
/// <param name="Bytes">The stream's length.</param>
/// <param name="WalkSeconds">The median of walking it.</param>
/// <param name="ReadSeconds">The median of reading it, in turn with it.</param>
/// <param name="AllocatedBytes">What one walk allocates.</param>
/// <param name="Programs">The whole program; null where it was not compiled ahead of time.</param>
/// <param name="Analyzer">QEMU's own reader; null where it is not there.</param>
public sealed record StreamWalkFigure(long Bytes, double WalkSeconds, double ReadSeconds, long AllocatedBytes, StreamProgramFigure? Programs, StreamAnalyzerFigure? Analyzer)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Bytes / (double)(1 << 30):F1} GiB walked in {WalkSeconds:F2} s, read in {ReadSeconds:F2} s, ratio {ReadSeconds / WalkSeconds:F2}; {AllocatedBytes / 1048576.0:F1} MiB allocated")
        + "\n  " + (Programs?.ToString() ?? "the whole program not measured: out/native/portolan is not there")
        + "\n  " + (Analyzer?.ToString() ?? $"analyze-migration.py not measured: python3 or the script is not there; it is in QEMU's sources, name it with {StreamAnalyzerFigure.Variable}");
}

/// <summary>The whole program on a stream.</summary>
/// <param name="InspectSeconds">The median of <c>stream inspect</c>.</param>
/// <param name="PeakBytes">The most memory that it had at any time, its own code included.</param>
/// <param name="WatchSeconds">The median of <c>stream watch</c> passing it on, judged.</param>
/// <param name="WatchPeakBytes">The most memory that this had.</param>
/// <param name="CatSeconds">The median of cat passing it on, in turn with it.</param>
public sealed record StreamProgramFigure(double InspectSeconds, long PeakBytes, double WatchSeconds, long WatchPeakBytes, double CatSeconds)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"stream inspect {InspectSeconds:F2} s, at most {PeakBytes / 1048576.0:F1} MiB resident; stream watch {WatchSeconds:F2} s, at most {WatchPeakBytes / 1048576.0:F1} MiB, cat {CatSeconds:F2} s, ratio {WatchSeconds / CatSeconds:F2}");
}

/// <summary>QEMU's scripts/analyze-migration.py on the same stream.</summary>
/// <param name="Seconds">What it took.</param>
/// <param name="InspectSeconds">What <c>stream inspect</c> took, or walking where the program is not there.</param>
public sealed record StreamAnalyzerFigure(double Seconds, double InspectSeconds)
{
    /// <summary>The environment variable that names the script.</summary>
    public const string Variable = "ANALYZE_MIGRATION";

    /// <summary>The script: as the variable names it, or on the search path; null where it is nowhere.</summary>
    public static string? Script { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(static folder => Path.Combine(folder, "analyze-migration.py")).Prepend(Environment.GetEnvironmentVariable(Variable) ?? "").FirstOrDefault(File.Exists);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"analyze-migration.py {Seconds:F2} s, {Seconds / InspectSeconds:F1} times as long");
}

/// <summary>Makes a large stream and walks it.</summary>
public static class StreamWalk
{
    private const int Rounds = 5;
    private const string Host = "shipped:amd-qemu-max-6.1.192";

    /// <summary>Measures on a stream of at least so many bytes.</summary>
    public static StreamWalkFigure Measure(string root, long bytes)
    {
        string file = Path.Combine(Path.GetTempPath(), $"portolan-bench-{Environment.ProcessId}.mig");
        try
        {
            LargeStream.Make(file, bytes);
            _ = Read(file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            double first = Walk(file);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            List<double> walks = [first];
            List<double> reads = [Read(file)];
            for (int i = 1; i < Rounds; i++)
            {
                walks.Add(Walk(file));
                reads.Add(Read(file));
            }

            StreamProgramFigure? programs = Programs(Path.Combine(root, "out", "native", "portolan"), file);
            return new StreamWalkFigure(new FileInfo(file).Length, Median(walks), Median(reads), allocated, programs, Analyzer(file, programs?.InspectSeconds ?? Median(walks)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static StreamProgramFigure? Programs(string program, string file)
    {
        if (!File.Exists(program))
        {
            return null;
        }

        string inspect = $"exec '{program}' stream inspect '{file}' > /dev/null 2>&1";
        string watch = $"cat '{file}' | '{program}' stream watch --host {Host} 2> /dev/null | cat > /dev/null";
        List<double> inspects = [];
        List<double> watches = [];
        List<double> cats = [];
        for (int i = 0; i < Rounds; i++)
        {
            inspects.Add(Shell(inspect));
            watches.Add(Shell(watch));
            cats.Add(Shell($"cat '{file}' | cat | cat > /dev/null"));
        }

        return new StreamProgramFigure(Median(inspects), Peak(program, inspect), Median(watches), Peak(program, watch), Median(cats));
    }

    private static StreamAnalyzerFigure? Analyzer(string file, double inspectSeconds)
    {
        if (StreamAnalyzerFigure.Script is not { } script)
        {
            return null;
        }

        long start = Stopwatch.GetTimestamp();
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec python3 '{script}' -f '{file}' > /dev/null 2>&1"]))!;
        shell.WaitForExit();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return shell.ExitCode == 0 ? new StreamAnalyzerFigure(seconds, inspectSeconds) : null;
    }

    private static double Walk(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        long start = Stopwatch.GetTimestamp();
        StreamReading reading = MigrationStreamReader.Read(stream);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return reading.Ok ? seconds : throw new InvalidDataException($"{reading.Fault}");
    }

    private static double Read(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] buffer = new byte[1 << 19];
        long start = Stopwatch.GetTimestamp();
        while (stream.Read(buffer) > 0)
        {
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Shell(string command)
    {
        long start = Stopwatch.GetTimestamp();
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", command]))!;
        shell.WaitForExit();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Runs a command once more, unmeasured; the most memory that the program in it had.</summary>
    private static long Peak(string program, string command)
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", command]))!;
        long peak = 0;
        while (!shell.WaitForExit(10))
        {
            peak = Math.Max(peak, Process.GetProcessesByName(Path.GetFileName(program)).Max(static one => (long?)PeakOf(one.Id)) ?? 0);
        }

        return peak;
    }

    /// <summary>VmHWM of a process (proc(5)): it only grows, so the last look before the end has it.</summary>
    private static long PeakOf(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Trim(), CultureInfo.InvariantCulture) << 10;
        }
        catch (IOException)
        {
            return 0; // It ended meanwhile.
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
