using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Formats;
using Portolan.Kvm.Kernel;

namespace Portolan.Cli.Host;

/// <summary>What was written on the command line of an import.</summary>
internal sealed record ImportWords
{
    public required IReadOnlyList<string> Files { get; init; }

    public ForeignFormat? Format { get; init; }

    public int? Cpu { get; init; }

    public string? Node { get; init; }

    public string? Name { get; init; }

    public bool Merge { get; init; }

    public bool Json { get; init; }

    public string? Output { get; init; }

    public string? OutputDirectory { get; init; }

    public ImportAdditions Additions { get; init; } = new();

    /// <summary>What is wrong with the command line; null if nothing is.</summary>
    public string? Fault { get; init; }
}

/// <summary>The options of <c>portolan host import</c>.</summary>
internal sealed class ImportOptions
{
    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Files of other tools, recognised by their content. '-' reads standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _format = new("--format") { Description = $"Their format: {ForeignFormat.Names}.", HelpName = "FORMAT" };
    private readonly Option<int?> _cpu = new("--cpu") { Description = "Which CPU of a dump of several; without it the first.", HelpName = "N" };
    private readonly Option<string?> _node = new("--node") { Description = "Which node of a file that lists several, by its name.", HelpName = "NAME" };
    private readonly Option<string?> _name = new("--name") { Description = "The snapshot's name.", HelpName = "NAME" };
    private readonly Option<string?> _kernel = new("--kernel")
    {
        Description = "The host's kernel, as in 6.1.59, where the file does not tell it. From a dump of the CPU it predicts what KVM answers.",
        HelpName = "RELEASE",
    };

    private readonly Option<string?> _microcode = CommonOptions.Microcode("The microcode revision, as in 0x2006e05, where the file does not tell it.");
    private readonly Option<string?> _vmm = new("--vmm") { Description = "The VMM, as in 'qemu 10.0.2', where the file does not tell it.", HelpName = "NAME" };
    private readonly Option<string[]> _parameters = new(ModuleParameterWords.Option)
    {
        Description = "A module parameter, as in kvm_intel.nested=0, where the file does not tell it.",
        HelpName = "NAME=VALUE",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<bool> _merge = new("--merge") { Description = "The files describe one host: make one snapshot of them." };
    private readonly Option<string?> _directory = new("--output-directory")
    {
        Description = "Write one snapshot for each file into this directory, named as the file, with .json; for a file that lists several nodes one for each, with the node's name behind the file's.",
        HelpName = "DIR",
    };

    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<string?> _output = CommonOptions.Output();

    public ImportOptions() => _format.AcceptOnlyFromAmong([.. ForeignFormat.All.Select(static known => known.Name)]);

    public void AddTo(Command command)
    {
        command.Arguments.Add(_files);
        foreach (Option option in (Option[])[_format, _cpu, _node, _name, _kernel, _microcode, _vmm, _parameters, _merge, _directory, _json, _output])
        {
            command.Options.Add(option);
        }
    }

    public ImportWords Of(ParseResult parsed)
    {
        string[] files = parsed.GetValue(_files) ?? [];
        string? kernel = parsed.GetValue(_kernel);
        KernelRelease? release = null;
        string? noKernel = kernel is null ? null : CommonOptions.Kernel(kernel, out release);
        ImmutableSortedDictionary<string, string> parameters = ModuleParameterWords.Read(parsed.GetValue(_parameters) ?? [], out string? wrong);
        ImportWords words = new()
        {
            Files = files,
            Format = ForeignFormat.Find(parsed.GetValue(_format)),
            Cpu = parsed.GetValue(_cpu),
            Node = parsed.GetValue(_node),
            Name = parsed.GetValue(_name),
            Merge = parsed.GetValue(_merge),
            Json = parsed.GetValue(_json),
            Output = parsed.GetValue(_output),
            OutputDirectory = parsed.GetValue(_directory),
            Additions = new ImportAdditions
            {
                Kernel = release,
                KernelText = kernel,
                Microcode = parsed.GetValue(_microcode),
                Vmm = parsed.GetValue(_vmm),
                ModuleParameters = parameters,
            },
        };
        return words with { Fault = noKernel ?? wrong ?? Check(words) };
    }

    private static string? Check(ImportWords words) => words switch
    {
        { OutputDirectory: "" } => "--output-directory: expected the name of a directory",
        { OutputDirectory: not null, Output: not null } => "give either -o or --output-directory",
        { OutputDirectory: not null, Merge: true } => "--merge makes one snapshot: give -o instead of --output-directory",
        { OutputDirectory: not null, Name: not null } => "--output-directory names each snapshot as its file: leave --name out",
        { Files.Count: > 1, Merge: false, OutputDirectory: null } => "several files need --output-directory, or --merge where they describe one host",
        _ when words.Files.Count(static file => file == InputFile.StandardInput) > 1 => "'-' stands twice, and standard input can be read once",
        _ => null,
    };
}
