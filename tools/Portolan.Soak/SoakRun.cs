using System.Diagnostics;
using Portolan.Compatibility.Judging;
using Portolan.Testing.RandomCases;

namespace Portolan.Soak;

/// <summary>Judges very many random cases by both engines, on several threads.</summary>
internal sealed class SoakRun(ulong firstBatch, long cases, int threads, TextWriter progress)
{
    private const int MostKept = 10;
    private const int SecondsBetweenWords = 15;
    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _next;
    private double _told;

    /// <summary>What came of the cases.</summary>
    internal CaseCount Count { get; } = new();

    /// <summary>How many cases the engines disagree about.</summary>
    internal long Disagreements { get; private set; }

    /// <summary>The first of them.</summary>
    internal SortedDictionary<ulong, string> Kept { get; } = [];

    /// <summary>How many there are of each kind, and the first seed of it: the clauses that one engine finds and the other does not.</summary>
    internal SortedDictionary<string, (long Count, ulong First)> Kinds { get; } = new(StringComparer.Ordinal);

    /// <summary>How long it took so far.</summary>
    internal TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Judges them all.</summary>
    internal void Run()
    {
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(Work))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        foreach (Thread worker in workers)
        {
            worker.Join();
        }
    }

    private void Work()
    {
        while (true)
        {
            long batch = Interlocked.Increment(ref _next) - 1;
            long first = batch * CaseBatch.Size;
            if (first >= cases)
            {
                return;
            }

            Judge(new CaseBatch(firstBatch + (ulong)batch), (int)Math.Min(CaseBatch.Size, cases - first));
        }
    }

    private void Judge(CaseBatch batch, int count)
    {
        CaseCount own = new();
        List<(ulong Seed, string Text)> found = [];
        for (int index = 0; index < count; index++)
        {
            RouteCase one = batch.At(index);
            string? disagreement = EngineComparison.Disagreement(one.Question(), out _, out Judgement judged);
            own.Add(judged);
            if (disagreement is not null)
            {
                found.Add((one.Seed, disagreement));
            }
        }

        lock (_gate)
        {
            Count.Add(own);
            Disagreements += found.Count;
            foreach ((ulong seed, string text) in found)
            {
                string kind = KindOf(text);
                (long before, ulong first) = Kinds.GetValueOrDefault(kind, (0, seed));
                Kinds[kind] = (before + 1, Math.Min(first, seed));
            }

            foreach ((ulong seed, string text) in found.Take(MostKept))
            {
                Kept[seed] = text;
            }

            while (Kept.Count > MostKept)
            {
                Kept.Remove(Kept.Keys.Last());
            }

            if (_clock.Elapsed.TotalSeconds - _told > SecondsBetweenWords)
            {
                _told = _clock.Elapsed.TotalSeconds;
                progress.WriteLine(FormattableString.Invariant($"{Count.Cases} of {cases} cases, {Count.Cases / _told:0} a second, {Disagreements} disagreements"));
            }
        }
    }

    /// <summary>The words of a disagreement without its numbers.</summary>
    private static string KindOf(string text)
        => text.Contains(" fail", StringComparison.Ordinal) ? text.Split('\n')[0] : string.Join(' ', text.Split([' ', ':', ',', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.Contains('.', StringComparison.Ordinal) || word is "clauses" or "model" or "end" or "-"));
}
