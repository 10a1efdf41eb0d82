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
    public static Reading<ImportedHost> Import(Terminal terminal, ImportWords words, string file)
    {
        Reading<ImportedHost> read = Read(terminal, words, file);
        return read.Ok ? words.Additions.AddTo(file, read.Value) : read;
    }

    private static ExitCode Run(Terminal terminal, ImportWords words)
    {
        if (words.Fault is not null)
        {
            return terminal.RefuseUsage(words.Fault);
        }

        if (words.OutputDirectory is not null)
        {
            return new ImportBatch(terminal, words).Run();
        }

        Reading<ImportedHost> imported = words.Merge ? ImportMerged(terminal, words) : Import(terminal, words, words.Files[0]);
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

    private static Reading<ImportedHost> ImportMerged(Terminal terminal, ImportWords words)
    {
        List<(string File, ImportedHost Host)> hosts = [];
        foreach (string file in words.Files)
        {
            Reading<ImportedHost> read = Read(terminal, words, file);
            if (!read.Ok)
            {
                return read;
            }

            hosts.Add((file, read.Value));
        }

        Reading<ImportedHost> merged = Merge.Of(hosts);
        return merged.Ok ? words.Additions.AddTo(string.Join(" + ", words.Files), merged.Value) : merged;
    }

    private static Reading<ImportedHost> Read(Terminal terminal, ImportWords words, string file)
    {
        Reading<InputFile> input = InputFile.Read(terminal, file);
        return input.Ok
            ? FormatRecognition.Read(new ImportRequest(file, input.Value.Bytes) { Cpu = words.Cpu }, words.Format)
            : Reading.Refused<ImportedHost>(input.Fault);
    }
}
