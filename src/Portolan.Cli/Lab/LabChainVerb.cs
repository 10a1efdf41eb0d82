using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Cli.Guest;
using Portolan.Lab.Emulators;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Lab;

/// <summary><c>portolan lab chain</c>: a guest is started on the first kernel and carried from each to the next; its code reads its CPU on all of them.</summary>
internal static class LabChainVerb
{
    private const string CarryCommand = "carry";
    private const string Arrived = "carried";
    private static readonly ImmutableArray<string> Carried = [GuestCarry.ContractFile, GuestCarry.StateFile, GuestCarry.ReadingFile];

    public static Command Command(Terminal terminal)
    {
        Option<string[]> kernels = new("--kernel")
        {
            Description = "The kernels, in the order of the chain; each as in 'portolan lab run'.",
            HelpName = "KERNEL",
            AllowMultipleArgumentsPerToken = true,
            Required = true,
        };
        Option<string> oracle = new("--oracle") { Description = "The CPU of all hosts: amd or intel.", HelpName = "amd|intel", DefaultValueFactory = static _ => Oracle.Amd.Name };
        Option<string?> guest = new("--guest") { Description = "The guest's contract; without it all that the first kernel supports, without --without.", HelpName = "FILE" };
        Option<string[]> without = new("--without") { Description = "Features that a guest without --guest is not promised.", HelpName = "FEATURE", AllowMultipleArgumentsPerToken = true };
        Option<string?> overSave = new("--over-save") { Description = "The first host saves as a kernel of generation G1 would: with this state component, promised or not.", HelpName = "COMPONENT" };
        Option<string?> program = new("--program") { Description = "The program to run, compiled ahead of time; without it, this one.", HelpName = "FILE" };
        Option<int?> timeout = new("--timeout") { Description = "Seconds that one boot may take; without it 180 (amd) or 900 (intel).", HelpName = "SECONDS" };
        Option<string?> output = new("--output", "-o") { Description = "Keep the files of each boot in folders under this one.", HelpName = "DIR" };
        Option<bool> json = CommonOptions.Json();
        oracle.AcceptOnlyFromAmong([.. Oracle.All.Select(static one => one.Name)]);
        Command command = new("chain", "Carry a guest over kernels booted in an emulator; its code reads CPUID, XCR0, MSRs and registers on each.")
        {
            kernels, oracle, guest, without, overSave, program, timeout, output, json,
        };
        command.SetAction(parsed => (int)Run(
            terminal,
            new Options(
                parsed.GetRequiredValue(kernels), parsed.GetRequiredValue(oracle), parsed.GetValue(guest), parsed.GetValue(without) ?? [], parsed.GetValue(overSave),
                parsed.GetValue(program), parsed.GetValue(timeout)),
            parsed.GetValue(output),
            parsed.GetValue(json)));
        return command;
    }

    private sealed record Options(string[] Kernels, string Oracle, string? Guest, string[] Without, string? OverSave, string? Program, int? Timeout);

    private static ExitCode Run(Terminal terminal, Options options, string? folder, bool json)
    {
        if (options.OverSave is { } name && !XFeatureTable.TryFind(name, out _))
        {
            return terminal.RefuseUsage($"--over-save {name}: expected a state component; there is {XFeatureTable.Names(XFeatureTable.User)}");
        }

        if ((options.Program ?? LabSession.ThisProgram()) is not { } program)
        {
            return terminal.RefuseHost(LabSession.NoProgram);
        }

        if (options.Guest is { } file && InputFile.Contract(terminal, file) is { Ok: false } wrong)
        {
            return terminal.Refuse(wrong.Fault);
        }

        LabFolder kept = new(folder, null);
        if (kept.Prepare() is { } refused)
        {
            return terminal.Refuse(refused);
        }

        using CarriedFiles between = new();
        LabRequest request = new([.. options.Kernels], [Oracle.All.First(one => one.Name == options.Oracle)], program)
        {
            TimeLimit = options.Timeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Chain = (host, previous) => previous is null ? First(host, options) : Next(host, previous, between),
        };
        return LabSession.Run(terminal, request, kept, results =>
        {
            ImmutableArray<ChainHop> hops = [.. results.Select(ChainHop.Of)];
            bool whole = hops.Length == options.Kernels.Length && hops.All(static hop => hop.Ok);
            ExitCode code = hops.Any(static hop => hop.Broke) ? ExitCode.Incompatible : whole ? ExitCode.Done : ExitCode.Unknown;
            return Answer.Give(terminal, null, json, () => LabChainReport.Json(hops, whole), () => LabChainReport.Text(hops, options.Kernels.Length), code);
        });
    }

    private static BootPlan First(string host, Options options)
    {
        const string Contract = $"/{Arrived}/{GuestCarry.ContractFile}";
        List<string> words = [];
        if (options.Guest is not null)
        {
            words.AddRange(["--guest", Contract]);
        }
        else if (options.Without.Length > 0)
        {
            words.AddRange(["--without", .. options.Without]);
        }

        if (options.OverSave is { } component)
        {
            words.AddRange(["--over-save", component]);
        }

        return Plan(host, options.Guest is { } file ? [new GuestFile(Contract, file)] : [], words);
    }

    /// <summary>The next boot finds what the last one left; null where it left no guest.</summary>
    private static BootPlan? Next(string host, LabResult previous, CarriedFiles between)
    {
        List<GuestFile> files = [];
        foreach (string name in Carried)
        {
            if (ChainHop.File(previous, name) is not { } content)
            {
                return null;
            }

            files.Add(new GuestFile($"/{Arrived}/{name}", between.Keep(name, content)));
        }

        return Plan(host, [.. files], ["--from", $"/{Arrived}"]);
    }

    private static BootPlan Plan(string host, ImmutableArray<GuestFile> files, IEnumerable<string> words) => new(
        [
            GuestCommand.Program(LabRequest.HostCommand, "host", "dump", "--name", host, "--json"),
            GuestCommand.Program(CarryCommand, [.. (string[])["guest", "carry", "-o", ChainHop.Folder, .. words]]) with
            {
                Files = [.. Carried.Append(GuestCarry.HopFile).Select(static name => $"{ChainHop.Folder}/{name}")],
            },
        ],
        files);

    /// <summary>What goes from one boot to the next, in a folder that is removed at the end.</summary>
    private sealed class CarriedFiles : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("portolan-chain-");

        public string Keep(string name, byte[] content)
        {
            string path = Path.Combine(_folder.FullName, name);
            File.WriteAllBytes(path, content);
            return path;
        }

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
