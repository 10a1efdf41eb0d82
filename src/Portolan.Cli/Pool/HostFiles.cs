using System.Collections.Immutable;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Compatibility.Judging;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Formats;
using Portolan.Kvm.Linux.Interop;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Pool;

/// <summary>Many hosts at once: snapshots, other tools' files, and folders of them.</summary>
/// <param name="Hosts">The hosts, in the order of the arguments; those of a folder by file name.</param>
internal sealed record HostFiles(ImmutableArray<JudgedHost> Hosts)
{
    private const string Pattern = "*.json";

    /// <summary>Reads them; the fault says which file is wrong.</summary>
    public static Reading<HostFiles> Read(Terminal terminal, IEnumerable<string> arguments)
    {
        ImmutableArray<JudgedHost>.Builder hosts = ImmutableArray.CreateBuilder<JudgedHost>();
        foreach (string argument in arguments)
        {
            if (FilesOf(argument) is not { } files)
            {
                return Reading.Refused<HostFiles>(new InputFault(argument, "a folder that may be read", "no permission (EACCES)", "run as a user who may read it"));
            }

            foreach (string file in files)
            {
                Reading<HostSnapshot> host = ReadHost(terminal, file);
                if (!host.Ok)
                {
                    return Reading.Refused<HostFiles>(host.Fault);
                }

                hosts.Add(new JudgedHost(RouteFiles.NameOf(file, host.Value), host.Value));
            }
        }

        return hosts.Count >= 2
            ? Reading.Of(new HostFiles(hosts.ToImmutable()))
            : Reading.Refused<HostFiles>(new InputFault(
                string.Join(' ', arguments), "two hosts at least", hosts.Count == 0 ? "none" : "one", "name more snapshots, or a folder that holds them as *.json"));
    }

    /// <summary>The files that an argument stands for; null for a folder that may not be read.</summary>
    private static string[]? FilesOf(string argument)
    {
        if (argument == ShippedHosts.Prefix + "*")
        {
            return [.. ShippedHosts.Names.Select(static name => ShippedHosts.Prefix + name)];
        }

        if (argument.StartsWith(ShippedHosts.Prefix, StringComparison.Ordinal) || PlainFile.KindOf(argument) != FileKind.Directory)
        {
            return [argument];
        }

        try
        {
            return [.. Directory.GetFiles(argument, Pattern).Order(StringComparer.Ordinal)];
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A snapshot, or a file that is recognised as another tool's.</summary>
    private static Reading<HostSnapshot> ReadHost(Terminal terminal, string name)
    {
        Reading<InputFile> file = InputFile.Read(terminal, name);
        if (!file.Ok)
        {
            return Reading.Refused<HostSnapshot>(file.Fault);
        }

        if (ForeignFormat.Recognise(file.Value.Bytes.Span) is not { } format)
        {
            return HostSnapshotDocument.Read(name, file.Value.Bytes);
        }

        Reading<ImportedHost> imported = FormatRecognition.Read(new ImportRequest(name, file.Value.Bytes), format);
        return imported.Ok ? Reading.Of(imported.Value.Snapshot) : Reading.Refused<HostSnapshot>(imported.Fault);
    }
}
