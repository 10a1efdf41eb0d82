using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Portolan.Compatibility.Lint;
using Portolan.Compatibility.Policies;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;
using Portolan.Documents.Lint;
using Portolan.Documents.Policies;
using Portolan.Kvm;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Readings;
using Portolan.Kvm.Linux.Interop;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;

namespace Portolan.Cli.Frame;

/// <summary>An input's bytes.</summary>
/// <param name="Name">The file as the user named it.</param>
/// <param name="Bytes">All of it.</param>
internal sealed record InputFile(string Name, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The name that means standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>Reads a regular file, or standard input for <c>-</c>; never more than a document may have.</summary>
    public static Reading<InputFile> Read(Terminal terminal, string name)
    {
        if (name == StandardInput)
        {
            return terminal.TakeInput() is { } input
                ? ReadBounded(name, input)
                : Reading.Refused<InputFile>(new InputFault(name, "another file", "standard input, which was read already", "write one of the two into a file and name it"));
        }

        if (name.StartsWith(ShippedHosts.Prefix, StringComparison.Ordinal))
        {
            string shipped = name[ShippedHosts.Prefix.Length..];
            return ShippedHosts.Read(shipped) is { } document
                ? Reading.Of(new InputFile(name, document))
                : Reading.Refused<InputFile>(new InputFault(name, "a shipped host", "none of that name", $"choose one of {string.Join(", ", ShippedHosts.Names)}"));
        }

        using SafeFileHandle? handle = PlainFile.OpenForReading(name, out FileKind kind, out Errno errno);
        if (handle is null)
        {
            return Reading.Refused<InputFile>(NotReadable(name, kind, errno));
        }

        using FileStream stream = new(handle, FileAccess.Read, bufferSize: 0);
        return stream.Length > JsonParser.LargestDocument ? Reading.Refused<InputFile>(Oversized(name, stream.Length)) : ReadBounded(name, stream);
    }

    public static Reading<HostSnapshot> Host(Terminal terminal, string name) => Then(Read(terminal, name), HostSnapshotDocument.Read);

    public static Reading<GuestContract> Contract(Terminal terminal, string name) => Then(Read(terminal, name), GuestContractDocument.Read);

    public static Reading<GuestState> State(Terminal terminal, string name) => Then(Read(terminal, name), GuestStateDocument.Read);

    public static Reading<GuestReading> GuestReading(Terminal terminal, string name) => Then(Read(terminal, name), GuestReadingDocument.Read);

    public static Reading<CheckPolicy> Policy(Terminal terminal, string name) => Then(Read(terminal, name), PolicyDocument.Read);

    public static Reading<SaveSet> SaveSet(Terminal terminal, string name) => Then(Read(terminal, name), SaveSetDocument.Read);

    private static Reading<T> Then<T>(Reading<InputFile> file, Func<string, ReadOnlyMemory<byte>, Reading<T>> parse)
        where T : class
        => file.Ok ? parse(file.Value.Name, file.Value.Bytes) : Reading.Refused<T>(file.Fault);

    private static Reading<InputFile> ReadBounded(string name, Stream stream)
    {
        using MemoryStream all = new();
        byte[] room = new byte[1 << 16];
        try
        {
            for (int read = stream.Read(room); read > 0; read = stream.Read(room))
            {
                all.Write(room, 0, read);
                if (all.Length > JsonParser.LargestDocument)
                {
                    return Reading.Refused<InputFile>(Oversized(name, all.Length));
                }
            }
        }
        catch (IOException refused)
        {
            return Reading.Refused<InputFile>(new InputFault(name, "a file that can be read", refused.Message, "check the file"));
        }

        return Reading.Of(new InputFile(name, all.GetBuffer().AsMemory(0, (int)all.Length)));
    }

    private static InputFault Oversized(string name, long length) => new(
        name,
        string.Create(CultureInfo.InvariantCulture, $"at most {JsonParser.LargestDocument >> 20} MiB"),
        string.Create(CultureInfo.InvariantCulture, $"{length} bytes or more"),
        "check that this is the right file")
    {
        ByteOffset = JsonParser.LargestDocument,
    };

    internal static InputFault NotReadable(string name, FileKind kind, Errno errno) => (kind, errno) switch
    {
        (FileKind.Directory, _) => new InputFault(name, "a file", "a directory", "name a file in it"),
        (FileKind.Special, _) or (_, Errno.ENXIO) => new InputFault(
            name, "a regular file", "a FIFO, socket or device", "give a file, or '-' and the content on standard input"),
        (_, Errno.ENOENT) => new InputFault(name, "a file", "nothing of that name", "check the path"),
        (_, Errno.EACCES or Errno.EPERM) => new InputFault(name, "a file that may be read", "no permission (EACCES)", "run as a user who may read it"),
        (_, Errno.ENOTDIR) => new InputFault(name, "a file in a folder", "a file where the path has a folder", "check the path"),
        (_, Errno.ELOOP) => new InputFault(name, "a file", "symbolic links that lead to each other", "check the path"),
        (_, Errno.ENAMETOOLONG) => new InputFault(name, "a file", "a name longer than the system allows", "check the path"),
        _ => new InputFault(name, "a file that can be opened", string.Create(CultureInfo.InvariantCulture, $"errno {(int)errno}"), "check the path"),
    };
}
