using System.Diagnostics;
using System.Globalization;
using Portolan.Documents;

namespace Portolan.Fuzz;

/// <summary>Gives a parser mutated inputs, in parallel, and holds it to an answer: in a second, within 64 MiB, never by an exception.</summary>
/// <param name="target">The parser.</param>
/// <param name="first">The number of the first input.</param>
/// <param name="count">How many inputs.</param>
public sealed class FuzzRun(FuzzTarget target, ulong first, long count)
{
    private const long MostBytes = 64L << 20;
    private const int MostFailures = 10;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<string> _failures = [];
    private long _accepted;
    private long _refused;
    private long _mostBytes;
    private long _longestTicks;

    /// <summary>What went wrong, with the input's number; at most ten lines.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Inputs that were accepted.</summary>
    public long Accepted => _accepted;

    /// <summary>Inputs that were refused with a fault.</summary>
    public long Refused => _refused;

    /// <summary>Allocates and takes the most that any input did, as text.</summary>
    public string Peaks => string.Create(
        CultureInfo.InvariantCulture,
        $"at most {TimeSpan.FromTicks(_longestTicks).TotalMilliseconds:0} ms and {_mostBytes / 1024.0 / 1024.0:0.0} MiB allocated for one input");

    /// <summary>Runs all of it.</summary>
    public void Run(int threads)
        => Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, (offset, state) =>
        {
            One(first + (ulong)offset);
            if (_failures.Count >= MostFailures)
            {
                state.Stop();
            }
        });

    private void One(ulong number)
    {
        byte[] input = Mutation.Of(target.Seeds, number);
        (string? failure, bool accepted, TimeSpan time, long bytes) = Try(input);
        if (failure is null && (time > Longest || bytes > MostBytes))
        {
            // Another program may have had the processor, or a table was compiled on the way: what is true happens twice.
            (failure, accepted, time, bytes) = Try(input);
            failure ??= time > Longest ? string.Create(CultureInfo.InvariantCulture, $"took {time.TotalSeconds:0.0} s")
                : bytes > MostBytes ? string.Create(CultureInfo.InvariantCulture, $"allocated {bytes >> 20} MiB") : null;
        }

        lock (_lock)
        {
            _accepted += accepted ? 1 : 0;
            _refused += accepted ? 0 : 1;
            _mostBytes = Math.Max(_mostBytes, bytes);
            _longestTicks = Math.Max(_longestTicks, time.Ticks);
            if (failure is not null && _failures.Count < MostFailures)
            {
                _failures.Add(string.Create(CultureInfo.InvariantCulture, $"{target.Name} {number}: {failure}; again with ./fuzz {target.Name} 1 {number}"));
            }
        }
    }

    private (string? Failure, bool Accepted, TimeSpan Time, long Bytes) Try(byte[] input)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        string? failure = null;
        InputFault? fault = null;
        try
        {
            fault = target.Parse(input);
        }
#pragma warning disable CA1031 // Whatever the parser throws is the finding.
        catch (Exception bug)
#pragma warning restore CA1031
        {
            failure = $"{bug.GetType().Name}: {Printable.OneLine(bug.Message)} {Printable.OneLine(bug.StackTrace?.Split('\n')[0].Trim() ?? "")}";
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        if (failure is null && fault is not null && (fault.Expected.Length == 0 || fault.Found.Length == 0 || fault.Advice.Length == 0 || fault.ToString().Contains('\n', StringComparison.Ordinal)))
        {
            failure = $"a fault that is no clear line: {Printable.OneLine(fault.ToString())}";
        }

        return (failure, fault is null && failure is null, time, bytes);
    }
}
