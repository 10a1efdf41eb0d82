using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Formats;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host import</c>: other tools' files as host snapshots.</summary>
internal static class HostImport
{
    public static Command Command(Terminal terminal)
    {
        ImportOptions options = new();
        Command command = new("import", "Read other tools' files as host snapshots.");
        options.AddTo(command);
        command.SetAction(parsed => (int)Run(terminal, options.Of(parsed)));
        return command;
    }

    /// <summary>Reads one file and adds what the user told.</summary>
    public static Reading<ImportedHost> Import(ImportWords words, InputFile input, string? node)
    {
        Reading<ImportedHost> read = Read(words, input, node);
        return read.Ok ? words.Additions.AddTo(input.Name, read.Value) : read;
    }

    private static ExitCode Run(Terminal terminal, ImportWords words)
    {
        if (words.Fault is not null)
        {
            return terminal.RefuseUsage(words.Fault);
        }

        foreach (string remark in ModuleParameterWords.Remarks(words.Additions.ModuleParameters))
        {
            terminal.Say(remark);
        }

        if (words.OutputDirectory is not null)
        {
            return new ImportBatch(terminal, words).Run();
        }

        Reading<ImportedHost> imported = words.Merge ? ImportMerged(terminal, words) : ImportOnly(terminal, words);
        if (!imported.Ok)
        {
            return terminal.Refuse(imported.Fault);
        }

        foreach (string remark in imported.Value.Remarks)
        {
            terminal.Say(words.Merge ? remark : $"{words.Files[0]}: {remark}");
        }

        HostSnapshot host = imported.Value.Snapshot with { Name = words.Name };
        return Answer.Give(terminal, words.Output, words.Json, () => HostSnapshotDocument.Write(host), () => HostReport.Of(host));
    }

    private static Reading<ImportedHost> ImportOnly(Terminal terminal, ImportWords words)
    {
        Reading<InputFile> input = InputFile.Read(terminal, words.Files[0]);
        return input.Ok ? Import(words, input.Value, words.Node) : Reading.Refused<ImportedHost>(input.Fault);
    }

    private static Reading<ImportedHost> ImportMerged(Terminal terminal, ImportWords words)
    {
        List<(string File, ImportedHost Host)> hosts = [];
        foreach (string file in words.Files)
        {
            Reading<InputFile> input = InputFile.Read(terminal, file);
            Reading<ImportedHost> read = input.Ok ? Read(words, input.Value, words.Node) : Reading.Refused<ImportedHost>(input.Fault);
            if (!read.Ok)
            {
                return read;
            }

            hosts.Add((file, read.Value));
        }

        Reading<ImportedHost> merged = Merge.Of(hosts);
        return merged.Ok ? words.Additions.AddTo(string.Join(" + ", words.Files), merged.Value) : merged;
    }

    private static Reading<ImportedHost> Read(ImportWords words, InputFile input, string? node)
        => FormatRecognition.Read(new ImportRequest(input.Name, input.Bytes) { Cpu = words.Cpu, Node = node }, words.Format);
}
