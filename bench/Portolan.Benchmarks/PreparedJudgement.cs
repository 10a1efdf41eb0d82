using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;

namespace Portolan.Benchmarks;

/// <summary>How fast packed guests are judged against packed hosts.</summary>
/// <param name="Name">Which pairs.</param>
/// <param name="Pairs">How many different ones.</param>
/// <param name="Nanoseconds">One verdict; the median of the rounds.</param>
/// <param name="BestNanoseconds">The same of the quickest round: what a shared machine's other work disturbed least.</param>
/// <param name="FloorNanoseconds">Reading the same packed words of the guest and of the host, without a judgement.</param>
/// <param name="AllocatedBytes">Bytes allocated by one verdict.</param>
/// <param name="Shares">How many of the pairs come to each verdict.</param>
public sealed record PreparedFigure(string Name, int Pairs, double Nanoseconds, double BestNanoseconds, double FloorNanoseconds, double AllocatedBytes, string Shares)
{
    /// <summary>One line for the report.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name}: {1000 / Nanoseconds:F1} million verdicts/s ({Nanoseconds:F1} ns, quickest round {BestNanoseconds:F1} ns; {AllocatedBytes:F1} bytes allocated); reading the packed words alone {FloorNanoseconds:F1} ns, ratio {Nanoseconds / FloorNanoseconds:F1}; {Pairs} pairs: {Shares}");
}

/// <summary>What a judgement with every finding costs.</summary>
/// <param name="Name">Which pairs.</param>
/// <param name="Microseconds">One judgement; the median of the rounds.</param>
/// <param name="BestMicroseconds">The same of the quickest round.</param>
/// <param name="AllocatedBytes">Bytes allocated by one.</param>
public sealed record ClauseFigure(string Name, double Microseconds, double BestMicroseconds, long AllocatedBytes)
{
    /// <summary>One line for the report.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}: {Microseconds:F1} us, quickest round {BestMicroseconds:F1} us; {AllocatedBytes} bytes allocated");
}

/// <summary>Measures verdicts of guests of the shipped hosts on the shipped hosts, as they are and under other kernels.</summary>
public sealed class PreparedJudgement
{
    private const int Rounds = 401;
    private const int VerdictsPerRound = 20_000;
    private const int JudgementsPerRound = 50;
    private const int MixSize = 4096;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private static readonly string[] Kernels = ["5.10.218", "5.15.100", "6.1.192", "6.6.80", "6.12.117", "6.18.15"];
    private static readonly GuestRequest[] Requests = [new(), new() { Without = ["vmx", "svm"] }, new() { Hyperv = true }, new() { EnlightenedVmcs = true }];
    private readonly List<(PreparedGuest Guest, PreparedHost Host, Verdict Verdict)> _pairs = [];

    /// <summary>Packs the guests and the hosts.</summary>
    public PreparedJudgement(IEnumerable<HostSnapshot> shipped)
    {
        JudgedHost[] hosts = [.. shipped.SelectMany(UnderKernels).Select(static snapshot => new JudgedHost(snapshot.Name ?? "host", snapshot))];
        PreparedHost[] packed = [.. hosts.Select(static host => new PreparedHost(host))];
        foreach (JudgedHost source in hosts)
        {
            foreach (GuestContract contract in Requests.Select(request => GuestDefinition.From(source.Snapshot, request).Contract).OfType<GuestContract>())
            {
                PreparedGuest guest = new(contract, source);
                if (guest.Floor == Verdict.Unknown)
                {
                    // A predicted host does not tell the VMX capability MSRs that its guest would be given: nobody runs there.
                    continue;
                }

                _pairs.AddRange(packed.Select(host => (guest, host, PreparedVerdict.Judge(guest, host))));
            }
        }
    }

    /// <summary>Verdicts: of compatible pairs; of a mix; of all pairs.</summary>
    public IEnumerable<PreparedFigure> Verdicts()
    {
        Random random = new(1);

        // Once unmeasured, until the runtime has compiled everything for good.
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < WarmUp;)
        {
            _ = Measure("all pairs", [.. _pairs]);
        }

        yield return Measure("compatible pairs", Some(random, Verdict.Compatible, MixSize));
        yield return Measure("a mix", [.. Mix(random).OrderBy(_ => random.Next())]);
        yield return Measure("all pairs", [.. _pairs.OrderBy(_ => random.Next())]);
    }

    /// <summary>Judgements by clauses, with every finding.</summary>
    public IEnumerable<ClauseFigure> Judgements()
    {
        Random random = new(2);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < WarmUp;)
        {
            _ = Judge("a mix", [.. Mix(random)]);
        }

        yield return Judge("compatible pairs", Some(random, Verdict.Compatible, 256));
        yield return Judge("a mix", [.. Mix(random).OrderBy(_ => random.Next()).Take(256)]);
    }

    /// <summary>How many of all pairs the packed form leaves to the clauses.</summary>
    public (int Left, int All) LeftToClauses => (_pairs.Count(static pair => PreparedVerdict.NeedsClauses(pair.Guest, pair.Host)), _pairs.Count);

    private static IEnumerable<HostSnapshot> UnderKernels(HostSnapshot host)
    {
        yield return host;
        foreach (string kernel in Kernels)
        {
            if (KernelRelease.TryParse(kernel, out KernelRelease release))
            {
                yield return Predictor.Complete(Predictor.WithKernel(host, release)) with { Name = $"{host.Name} under {kernel}" };
            }
        }
    }

    /// <summary>Of a hundred pairs 85 compatible, 3 with warnings, 2 unknown, 10 incompatible.</summary>
    private IEnumerable<(PreparedGuest Guest, PreparedHost Host, Verdict Verdict)> Mix(Random random)
        => [.. Some(random, Verdict.Compatible, MixSize * 85 / 100), .. Some(random, Verdict.CompatibleWithWarnings, MixSize * 3 / 100),
            .. Some(random, Verdict.Unknown, MixSize * 2 / 100), .. Some(random, Verdict.Incompatible, MixSize * 10 / 100)];

    private (PreparedGuest Guest, PreparedHost Host, Verdict Verdict)[] Some(Random random, Verdict verdict, int count)
    {
        (PreparedGuest Guest, PreparedHost Host, Verdict Verdict)[] all = [.. _pairs.Where(pair => pair.Verdict == verdict)];
        return all.Length == 0 ? [] : [.. Enumerable.Range(0, count).Select(_ => all[random.Next(all.Length)])];
    }

    private static PreparedFigure Measure(string name, (PreparedGuest Guest, PreparedHost Host, Verdict Verdict)[] pairs)
    {
        double[] verdicts = new double[Rounds];
        double[] floor = new double[Rounds];
        long allocated = 0;
        ulong seen = 0;
        int at = 0;
        for (int round = -1; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < VerdictsPerRound; i++, at = at + 1 == pairs.Length ? 0 : at + 1)
            {
                seen ^= (ulong)PreparedVerdict.Judge(pairs[at].Guest, pairs[at].Host);
            }

            double judged = Stopwatch.GetElapsedTime(start).TotalNanoseconds / VerdictsPerRound;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < VerdictsPerRound; i++, at = at + 1 == pairs.Length ? 0 : at + 1)
            {
                seen |= Read(pairs[at].Guest.Blocks.All, pairs[at].Host.Clean);
            }

            double read = Stopwatch.GetElapsedTime(start).TotalNanoseconds / VerdictsPerRound;
            if (round >= 0)
            {
                (verdicts[round], floor[round]) = (judged, read);
            }
        }

        GC.KeepAlive(seen);
        Array.Sort(verdicts);
        Array.Sort(floor);
        string shares = string.Join(", ", pairs.GroupBy(static pair => pair.Verdict).OrderBy(static group => group.Key).Select(group => $"{group.Key} {group.Count()}"));
        return new PreparedFigure(name, pairs.Length, verdicts[Rounds / 2], verdicts[0], floor[Rounds / 2], (double)allocated / VerdictsPerRound, shares);
    }

    /// <summary>Reads the guest's blocks and the host's words that they are compared with.</summary>
    private static ulong Read(ReadOnlySpan<ulong> blocks, ReadOnlySpan<ulong> words)
    {
        ref ulong block = ref MemoryMarshal.GetReference(blocks);
        ref ulong word = ref MemoryMarshal.GetReference(words);
        Vector256<ulong> all = Vector256<ulong>.Zero;
        for (nuint i = 0; i < (nuint)blocks.Length; i += (nuint)Vector256<ulong>.Count + 1)
        {
            all |= Vector256.LoadUnsafe(ref block, i + 1) | Vector256.LoadUnsafe(ref word, (nuint)Unsafe.Add(ref block, i));
        }

        return all[0] | all[1] | all[2] | all[3];
    }

    private static ClauseFigure Judge(string name, (PreparedGuest Guest, PreparedHost Host, Verdict Verdict)[] pairs)
    {
        RouteQuestion[] questions = [.. pairs.Select(static pair => new RouteQuestion { Guest = pair.Guest.Guest, Hosts = [pair.Guest.Source, pair.Host.Host] })];
        double[] rounds = new double[Rounds];
        long allocated = 0;
        int findings = 0;
        int next = 0;
        for (int round = -1; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < JudgementsPerRound; i++)
            {
                findings ^= ClauseJudge.Judge(questions[next++ % questions.Length]).Findings.Length;
            }

            rounds[Math.Max(round, 0)] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / JudgementsPerRound;
            allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / JudgementsPerRound;
        }

        GC.KeepAlive(findings);
        Array.Sort(rounds);
        return new ClauseFigure(name, rounds[Rounds / 2], rounds[0], allocated);
    }
}
