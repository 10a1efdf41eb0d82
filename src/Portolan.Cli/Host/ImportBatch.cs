using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Formats;
using Portolan.Kvm.Linux.Interop;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary>Many files into one directory: one snapshot for each, a table of them all, and no file that stops the others.</summary>
internal sealed class ImportBatch(Terminal terminal, ImportWords words)
{
    private const string Ending = ".json";
    private const string StandardInputStem = "stdin";
    private static readonly JsonWriterOptions Layout = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _directory = words.OutputDirectory!;
    private readonly HashSet<string> _outputs = new(StringComparer.Ordinal);

    private sealed record Outcome(string File, string Output)
    {
        /// <summary>The node, where the file lists several.</summary>
        public string? Node { get; init; }

        public ForeignFormat? Format { get; init; }

        public IReadOnlyList<string> Remarks { get; init; } = [];

        public string? ContentHash { get; init; }

        public string Cpu { get; init; } = "";

        public string Kernel { get; init; } = "";

        public InputFault? Fault { get; init; }
    }

    public ExitCode Run()
    {
        List<Outcome> planned = [.. words.Files.Select(file => new Outcome(file, OutputOf(file)))];
        if ((FindCollision(planned) ?? CreateDirectory()) is { } fault)
        {
            return terminal.Refuse(fault);
        }

        _outputs.UnionWith(planned.Select(static one => one.Output));
        List<Outcome> outcomes = [];
        ProgressLine.Over(terminal, "importing", planned, one => outcomes.AddRange(Import(one)));
        foreach (Outcome outcome in outcomes)
        {
            if (outcome.Fault is { } refused)
            {
                terminal.Say(refused.ToString());
            }

            foreach (string remark in outcome.Remarks)
            {
                terminal.Say($"{outcome.File}: {remark}");
            }
        }

        if (words.Json)
        {
            WriteJson(outcomes);
        }
        else
        {
            Table(outcomes).WriteTo(terminal);
        }

        return outcomes.Exists(static outcome => outcome.Fault is not null) ? ExitCode.BadInput : ExitCode.Done;
    }

    private List<Outcome> Import(Outcome planned)
    {
        Reading<InputFile> input = InputFile.Read(terminal, planned.File);
        if (!input.Ok)
        {
            return [planned with { Fault = input.Fault }];
        }

        ImportRequest request = new(planned.File, input.Value.Bytes);
        ForeignFormat? format = words.Format ?? ForeignFormat.Recognise(request.Bytes.Span);
        IReadOnlyList<string> hosts = words.Node is null && format?.Hosts is { } names ? names(request) : [];
        return hosts.Count < 2
            ? [Import(planned, input.Value, words.Node)]
            : [.. hosts.Select(host => Import(planned with { Node = host, Output = OutputOf(planned.Output, host) }, input.Value, host))];
    }

    private Outcome Import(Outcome planned, InputFile input, string? node)
    {
        if (planned.Node is not null && !_outputs.Add(planned.Output))
        {
            return planned with { Fault = new InputFault(planned.File, "nodes whose snapshots have names of their own", $"{planned.Output} twice", "import it alone, with --node and -o") };
        }

        Reading<ImportedHost> imported = HostImport.Import(words, input, node);
        if (!imported.Ok)
        {
            return planned with { Fault = imported.Fault };
        }

        HostSnapshot host = imported.Value.Snapshot with { Name = planned.Node ?? Path.GetFileNameWithoutExtension(planned.Output) };
        if (PlainFile.KindOf(planned.Output) == FileKind.Special)
        {
            return planned with { Fault = new InputFault(planned.Output, "a file to write", "a FIFO, socket or device", "choose another --output-directory") };
        }

        if (AtomicFile.Write(planned.Output, HostSnapshotDocument.Write(host).Span) is { } fault)
        {
            return planned with { Fault = fault };
        }

        return planned with
        {
            Format = imported.Value.Format,
            Remarks = imported.Value.Remarks,
            ContentHash = HostSnapshotDocument.ContentHash(host),
            Cpu = host.AnyCpuid is { } cpuid ? CpuidReport.Identity(cpuid) : SnapshotWords.Unknown,
            Kernel = Printable.OneLine(host.KernelRelease?.Value ?? SnapshotWords.Unknown),
        };
    }

    /// <summary>The output for one node of a file: the node's name behind the file's, without what no name of a Kubernetes node has.</summary>
    private static string OutputOf(string output, string node)
        => string.Concat(output.AsSpan(0, output.Length - Ending.Length), "-", string.Concat(node.Select(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' ? letter : '_')), Ending);

    private string OutputOf(string file)
        => Path.Combine(_directory, (file == InputFile.StandardInput ? StandardInputStem : Path.GetFileNameWithoutExtension(file)) + Ending);

    /// <summary>Two files with one output, or an output that is one of the inputs.</summary>
    private InputFault? FindCollision(List<Outcome> planned)
    {
        Dictionary<string, string> taken = new(StringComparer.Ordinal);
        HashSet<string> inputs = [.. words.Files.Where(static file => file != InputFile.StandardInput).Select(Path.GetFullPath)];
        foreach (Outcome one in planned)
        {
            if (!taken.TryAdd(one.Output, one.File))
            {
                return new InputFault(one.File, "files whose names differ before their endings", $"{one.Output} for {taken[one.Output]}, too", "rename one of them, or import it alone with -o");
            }

            if (inputs.Contains(Path.GetFullPath(one.Output)))
            {
                return new InputFault(one.File, "an output that is none of the files to read", one.Output, "choose another --output-directory");
            }
        }

        return null;
    }

    private InputFault? CreateDirectory()
    {
        try
        {
            Directory.CreateDirectory(_directory);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return new InputFault(_directory, "a directory to write into", Printable.OneLine(refused.Message), "choose another --output-directory");
        }
    }

    private static TextReport Table(List<Outcome> outcomes)
    {
        TextReport report = new();
        report.Columns(
            [
                ["file", "format", "CPU", "kernel", "warnings"],
                .. outcomes.Select(static one => new[]
                {
                    Printable.OneLine(one.Node is null ? one.File : $"{one.File}: {one.Node}"),
                    one.Fault is null ? one.Format?.Name ?? "" : "refused",
                    one.Cpu,
                    one.Kernel,
                    one.Fault is null ? one.Remarks.Count.ToString(CultureInfo.InvariantCulture) : "",
                }),
            ],
            indent: 0);
        int refused = outcomes.Count(static one => one.Fault is not null);
        report.Line(string.Create(CultureInfo.InvariantCulture, $"{outcomes.Count - refused} imported, {refused} refused"));
        return report;
    }

    private void WriteJson(List<Outcome> outcomes)
    {
        using MemoryStream output = new();
        using (Utf8JsonWriter json = new(output, Layout))
        {
            json.WriteStartArray();
            foreach (Outcome one in outcomes)
            {
                json.WriteStartObject();
                json.WriteString("file", one.File);
                if (one.Node is not null)
                {
                    json.WriteString("node", one.Node);
                }

                json.WriteString("output", one.Fault is null ? one.Output : null);
                json.WriteString("format", one.Format?.Name);
                json.WriteStartArray("remarks");
                foreach (string remark in one.Remarks)
                {
                    json.WriteStringValue(remark);
                }

                json.WriteEndArray();
                json.WriteString("contentHash", one.ContentHash);
                json.WriteString("fault", one.Fault?.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        output.WriteByte((byte)'\n');
        terminal.Write(output.ToArray());
    }
}
