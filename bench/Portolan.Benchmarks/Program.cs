using System.Globalization;
using Portolan.Benchmarks;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string root = args.Length > 0 ? args[0] : Directory.GetCurrentDirectory();

(string Name, HostSnapshot Host)[] hosts = [.. Directory.EnumerateFiles(Path.Combine(root, "data", "hosts"), "*.json").Order(StringComparer.Ordinal)
    .Select(file => (Path.GetFileNameWithoutExtension(file), HostSnapshotDocument.Read(file, File.ReadAllBytes(file)).Value!))];
if (args.Length > 1 && args[1] == "prepared")
{
    Packed(hosts);
    return 0;
}

if (args.Length > 1 && args[1] == "imports")
{
    Imports(root, args.Length > 2 ? args[2] : null);
    return 0;
}

if (args.Length > 1 && args[1] == "streams")
{
    Streams(root, args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 4);
    return 0;
}

Console.WriteLine("The binding against the bare ioctl (goal: at most 1.05)");
if (XsaveIoctl.TryMeasure(out IReadOnlyList<XsaveIoctlFigures> ioctls, out string? reason))
{
    foreach (XsaveIoctlFigures figure in ioctls)
    {
        Console.WriteLine($"  {figure.Name}: {figure.BindingNanoseconds / 1000:F2} us, bare {figure.BareNanoseconds / 1000:F2} us, ratio {figure.Ratio:F3}");
    }
}
else
{
    Console.WriteLine($"  not measured: {reason}");
}

Console.WriteLine("Copy and trim against memcpy of the same bytes (goal: at least 0.5 of its speed)");
foreach (XsaveTrimFigure figure in XsaveTrimBenchmark.Measure())
{
    Console.WriteLine($"  {figure}");
}

Console.WriteLine("A hop of one vCPU between two modelled hosts (goal: at most 5 us)");
foreach ((string _, HostSnapshot host) in hosts)
{
    // Once unmeasured: the first hosts would pay for the compiler.
    _ = ModelHop.Measure(host);
}

foreach ((string name, HostSnapshot host) in hosts)
{
    Console.WriteLine($"  {name}: {ModelHop.Measure(host)}");
}

Packed(hosts);
Imports(root, null);
Streams(root, 4);
Console.WriteLine("Whole processes, compiled ahead of time (goal: at most 30 ms)");
IReadOnlyList<ProcessStartFigure> processes = ProcessStart.Measure(root);
foreach (ProcessStartFigure figure in processes)
{
    Console.WriteLine($"  {figure.Name}: {figure.Milliseconds:F1} ms; /bin/true {figure.FloorMilliseconds:F1} ms");
}

if (processes.Count == 0)
{
    Console.WriteLine("  not measured: out/native/portolan is not there; ./portolan builds it where gcc and zlib's headers are");
}

return 0;

static void Streams(string root, long gibibytes)
{
    Console.WriteLine("A migration stream walked against reading the same file (goal: at least 0.5 of its speed, at most 64 MiB), and watched against cat (goal: at most 1.3)");
    Console.WriteLine($"  {StreamWalk.Measure(root, gibibytes << 30)}");
}

static void Imports(string root, string? format)
{
    Console.WriteLine("Imports against merely tokenising the same bytes (goal: at least 0.5 of its speed, from the bytes to the snapshot)");
    List<ImportFigure> figures = [];
    foreach (ImportFigure figure in new ImportSpeed(root).Measure(format))
    {
        Console.WriteLine($"  {figure}");
        figures.Add(figure);
    }

    Console.WriteLine($"  {ImportFigure.Together(figures)}");
}

static void Packed((string Name, HostSnapshot Host)[] hosts)
{
    Console.WriteLine("Packed guests on packed hosts, one core (goal: 20 million verdicts/s of compatible pairs, 10 million/s of a mix)");
    PreparedJudgement judgement = new(hosts.Select(static host => host.Host with { Name = host.Name }));
    foreach (PreparedFigure figure in judgement.Verdicts())
    {
        Console.WriteLine($"  {figure}");
    }

    (int left, int all) = judgement.LeftToClauses;
    Console.WriteLine($"  left to the clauses: {left} of {all} pairs");
    Console.WriteLine("Judgements by clauses with every finding, of a pair (goal: at most 20 us)");
    foreach (ClauseFigure figure in judgement.Judgements())
    {
        Console.WriteLine($"  {figure}");
    }
}
