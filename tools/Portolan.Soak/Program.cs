using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Soak;
using Portolan.Testing.RandomCases;

// Arguments: how many cases, the first seed, how many threads; or "case SEED..." to show and shrink single cases.
const int Usage = 64;
if (args is ["case", .. string[] seeds] && seeds.Length > 0 && seeds.All(seed => ulong.TryParse(seed, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
{
    return SoakReport.Cases([.. seeds.Select(seed => ulong.Parse(seed, CultureInfo.InvariantCulture))], Console.Out);
}

long cases = 10_000_000;
ulong seed = 0;
int threads = Environment.ProcessorCount;
bool understood = args.Length <= 3
    && (args.Length < 1 || (long.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out cases) && cases > 0))
    && (args.Length < 2 || ulong.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out seed))
    && (args.Length < 3 || (int.TryParse(args[2], NumberStyles.None, CultureInfo.InvariantCulture, out threads) && threads is > 0 and <= 1024));
if (!understood)
{
    Console.Error.WriteLine("soak: expected [CASES [SEED [THREADS]]], or case SEED...; the numbers are decimal");
    return Usage;
}

SoakRun run = new(seed / CaseBatch.Size, cases, threads, Console.Error);
run.Run();
return SoakReport.Of(run, Console.Out);

namespace Portolan.Soak
{
    /// <summary>What is told of a run.</summary>
    internal static class SoakReport
    {
        internal static int Of(SoakRun run, TextWriter output)
        {
            CaseCount count = run.Count;
            output.WriteLine($"{count}");
            foreach (Verdict verdict in Enum.GetValues<Verdict>())
            {
                output.WriteLine(FormattableString.Invariant($"verdict   {count.Of(verdict),12} {verdict}"));
            }

            foreach (ClauseSeverity severity in Enum.GetValues<ClauseSeverity>().Reverse())
            {
                output.WriteLine(FormattableString.Invariant($"worst     {count.Of(severity),12} {severity}"));
            }

            foreach ((string id, long found) in count.Clauses)
            {
                output.WriteLine(FormattableString.Invariant($"clause    {found,12} {id}"));
            }

            output.WriteLine(FormattableString.Invariant($"{count.Cases} cases in {run.Elapsed.TotalSeconds:0.0} s: {count.Cases / run.Elapsed.TotalSeconds:0} a second by both engines"));
            output.WriteLine(FormattableString.Invariant($"{run.Disagreements} disagreements"));
            foreach ((string kind, (long found, ulong first)) in run.Kinds.OrderByDescending(kind => kind.Value.Count))
            {
                output.WriteLine(FormattableString.Invariant($"kind      {found,12} first seed {first}: {kind}"));
            }

            foreach ((ulong seed, string text) in run.Kept)
            {
                output.WriteLine(FormattableString.Invariant($"seed {seed}: {text}"));
            }

            return run.Disagreements == 0 ? 0 : 1;
        }

        internal static int Cases(IReadOnlyList<ulong> seeds, TextWriter output)
        {
            int code = 0;
            foreach (ulong seed in seeds)
            {
                RouteCase one = CaseBatch.Case(seed);
                if (EngineComparison.Disagreement(one.Question(), out _, out _) is null)
                {
                    output.WriteLine($"{one}{Environment.NewLine}  the engines agree");
                    continue;
                }

                code = 1;
                RouteCase small = CaseShrinker.Shrink(one, static smaller => EngineComparison.Disagreement(smaller.Question(), out _, out _) is not null);
                output.WriteLine($"{small}{Environment.NewLine}{EngineComparison.Disagreement(small.Question(), out _, out _)}");
            }

            return code;
        }
    }
}
