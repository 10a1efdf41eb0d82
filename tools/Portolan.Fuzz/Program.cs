using System.Diagnostics;
using System.Globalization;
using Portolan.Fuzz;

// Arguments: a parser or "all", how many inputs for each, the number of the first.
const int Usage = 64;
const string Every = "all";
string name = args.Length > 0 ? args[0] : Every;
long count = 1_000_000;
ulong first = 0;
FuzzTarget[] targets = [.. FuzzTargets.All.Where(target => name == Every || target.Name == name)];
bool understood = args.Length <= 3 && targets.Length > 0
    && (args.Length < 2 || (long.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0))
    && (args.Length < 3 || ulong.TryParse(args[2], NumberStyles.None, CultureInfo.InvariantCulture, out first));
if (!understood)
{
    Console.Error.WriteLine($"fuzz: expected [PARSER|all [COUNT [FIRST]]]; the parsers are {string.Join(", ", FuzzTargets.All.Select(static target => target.Name))}");
    return Usage;
}

bool failed = false;
foreach (FuzzTarget target in targets)
{
    if (target.Seeds.Count == 0)
    {
        Console.Error.WriteLine($"fuzz: {target.Name} has no seed");
        failed = true;
        continue;
    }

    FuzzRun run = new(target, first, count);
    long start = Stopwatch.GetTimestamp();
    run.Run(Environment.ProcessorCount);
    double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
    long done = run.Accepted + run.Refused;
    Console.Out.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{target.Name}: {done} inputs from {target.Seeds.Count} seeds in {seconds:0.0} s, {done / seconds:0} a second; {run.Accepted} accepted, {run.Refused} refused; {run.Peaks}; {run.Failures.Count} failures"));
    foreach (string failure in run.Failures)
    {
        Console.Error.WriteLine($"fuzz: {failure}");
        failed = true;
    }
}

return failed ? 1 : 0;
