using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary><c>portolan lab run</c>: boots kernels in an emulator and asks their KVM.</summary>
internal static class LabRunVerb
{
    private const int MostJobs = 16, LongestSeconds = 24 * 60 * 60;

    public static Command Command(Terminal terminal)
    {
        Option<string[]> kernels = new("--kernel")
        {
            Description = "A kernel: a package's name (linux-image-6.1.0-56-cloud-amd64), the beginning of a release (6.1) or 'newest' for the newest one "
                + "that the distribution's suites serve, a package file (the parts of a split kernel with commas), or a folder with an unpacked package.",
            HelpName = "KERNEL",
            AllowMultipleArgumentsPerToken = true,
            Required = true,
        };
        Option<string[]> oracles = new("--oracle")
        {
            Description = "The CPU: amd (QEMU's translator; seconds) or intel (Bochs; minutes). May be given twice; without it, amd.",
            HelpName = "amd|intel",
            DefaultValueFactory = static _ => [Oracle.Amd.Name],
        };
        Option<string[]> further = new("--run")
        {
            Description = "Further arguments of portolan to run under the kernel, as one word; may be given several times. The output is kept as run-1.out and so on.",
            HelpName = "ARGUMENTS",
        };
        Option<string[]> files = new("--file") { Description = "A file for --run: it stands under /files/ there, by its own name; may be given several times.", HelpName = "FILE" };
        Option<string[]> bring = new("--bring") { Description = "A file that --run writes into its working folder, to be kept; may be given several times.", HelpName = "NAME" };
        Option<string?> program = new("--program") { Description = "The program to run, compiled ahead of time; without it, this one.", HelpName = "FILE" };
        Option<string?> cpu = new("--cpu") { Description = "The CPU model as the emulator spells it; without it, the oracle's own.", HelpName = "MODEL" };
        Option<int?> timeout = new("--timeout") { Description = "Seconds that one boot may take; without it 180 (amd) or 900 (intel).", HelpName = "SECONDS" };
        Option<int> jobs = new("--jobs") { Description = "How many kernels to boot at a time.", HelpName = "N", DefaultValueFactory = static _ => 1 };
        Option<bool> only = new("--no-conformance") { Description = "Record the host only; leave the contract's cases out." };
        Option<bool> refresh = new("--refresh") { Description = "Fetch the package lists again, even if they are less than a day old." };
        Option<string?> archive = new("--archive") { Description = "The address of the distribution's archive; without it the one that this machine uses.", HelpName = "ADDRESS" };
        Option<string?> output = new("--output", "-o") { Description = "Keep host.json, conformance.json and console.log of each boot in folders under this one.", HelpName = "DIR" };
        Option<string?> record = new("--record") { Description = "Record each kernel in this folder: hosts/NAME.json, results/NAME.json. The repository's is data.", HelpName = "DIR" };
        Option<bool> json = CommonOptions.Json();
        Command command = new("run", "Boot kernels in an emulator, record their hosts and run the contract's cases on them.")
        {
            kernels, oracles, further, files, bring, program, cpu, timeout, jobs, only, refresh, archive, output, record, json,
        };
        command.SetAction(parsed => (int)Run(
            terminal,
            new Options(
                parsed.GetRequiredValue(kernels), parsed.GetRequiredValue(oracles), parsed.GetValue(further) ?? [], parsed.GetValue(program), parsed.GetValue(cpu),
                parsed.GetValue(timeout), parsed.GetValue(jobs), !parsed.GetValue(only), parsed.GetValue(refresh), parsed.GetValue(archive),
                parsed.GetValue(files) ?? [], parsed.GetValue(bring) ?? []),
            parsed.GetValue(json),
            parsed.GetValue(output),
            parsed.GetValue(record)));
        return command;
    }

    private sealed record Options(
        string[] Kernels, string[] Oracles, string[] Further, string? Program, string? Cpu, int? Timeout, int Jobs, bool RunsConformance, bool Refresh, string? Archive,
        string[] Files, string[] Bring);

    private static ExitCode Run(Terminal terminal, Options options, bool json, string? folder, string? records)
    {
        if (UsageFault(options) is { } wrong)
        {
            return terminal.RefuseUsage(wrong);
        }

        string? program = options.Program ?? LabSession.ThisProgram();
        if (program is null)
        {
            return terminal.RefuseHost(LabSession.NoProgram);
        }

        LabFolder kept = new(folder, records);
        if (kept.Prepare() is { } refused)
        {
            return terminal.Refuse(refused);
        }

        LabRequest request = new([.. options.Kernels], [.. options.Oracles.Distinct().Select(static name => Oracle.All.First(oracle => oracle.Name == name))], program)
        {
            Further = [.. options.Further.Select((line, i) => GuestCommand.Program(
                string.Create(CultureInfo.InvariantCulture, $"{LabRequest.FurtherPrefix}{i + 1}"), [.. CommandLineParser.SplitCommandLine(line)]) with { Files = [.. options.Bring] })],
            Files = [.. options.Files.Select(static file => new GuestFile($"/{LabRequest.FilesFolder}/{Path.GetFileName(file)}", file))],
            RunsConformance = options.RunsConformance,
            Jobs = options.Jobs,
            TimeLimit = options.Timeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Cpu = options.Cpu,
            Refresh = options.Refresh,
            Archive = options.Archive,
        };
        return LabSession.Run(terminal, request, kept, results
            => Answer.Give(terminal, null, json, () => LabRunDocument.Write(results), () => LabReport.Of(results), CodeOf(results)));
    }

    /// <summary>A missing result is a missing fact; a broken contract is worse.</summary>
    private static ExitCode CodeOf(IReadOnlyList<LabResult> results)
        => results.Any(static result => !result.KeepsContract) ? ExitCode.Incompatible
        : results.Any(static result => !result.Missing.IsEmpty) ? ExitCode.Unknown
        : ExitCode.Done;

    private static string? UsageFault(Options options)
        => options.Oracles.FirstOrDefault(static name => Oracle.All.All(oracle => oracle.Name != name)) is { } unknown ? $"--oracle {unknown}: expected amd or intel; see 'portolan lab run --help'"
        : options.Jobs is < 1 or > MostJobs ? $"--jobs {options.Jobs}: expected 1 to {MostJobs}; see 'portolan lab run --help'"
        : options.Timeout is < 1 or > LongestSeconds ? $"--timeout {options.Timeout}: expected 1 to {LongestSeconds} seconds; see 'portolan lab run --help'"
        : options.Bring.FirstOrDefault(static name => name.Length == 0 || name.Contains("..", StringComparison.Ordinal) || name[0] == '/') is { } outside ? $"--bring {outside}: expected a path within the working folder; see 'portolan lab run --help'"
        : options.Kernels.Length == 0 ? "--kernel: expected at least one; see 'portolan lab run --help'"
        : null;
}
