using Microsoft.Win32.SafeHandles;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm;
using Portolan.Kvm.Linux.Interop;
using Portolan.Streams;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>A file with a stream in it, walked.</summary>
/// <param name="Name">The file as the user named it.</param>
/// <param name="File">What holds the stream; null where nothing could be opened.</param>
/// <param name="Reading">What was read; with its fault if it was not read whole.</param>
internal sealed record StreamInput(string Name, StreamFile? File, StreamReading Reading)
{
    /// <summary>The stream; up to the fault where there is one.</summary>
    public MigrationStream Stream => Reading.Stream;

    /// <summary>The fault as the command line says it; null where the stream was read whole.</summary>
    public InputFault? Fault => Reading.Fault is null ? null : FaultOf(Name, Reading.Fault);

    /// <summary>Walks a file, or standard input for <c>-</c>. The fault is for what could not even be opened.</summary>
    public static Reading<StreamInput> Read(Terminal terminal, string name, StreamReadOptions? options = null)
    {
        if (name == InputFile.StandardInput)
        {
            return Documents.Reading.Of(Walk(name, terminal.Input, options));
        }

        using SafeFileHandle? handle = PlainFile.OpenForReading(name, out FileKind kind, out Errno errno);
        if (handle is null)
        {
            return Documents.Reading.Refused<StreamInput>(InputFile.NotReadable(name, kind, errno));
        }

        using FileStream stream = new(handle, FileAccess.Read, bufferSize: 0);
        return Documents.Reading.Of(Walk(name, stream, options));
    }

    /// <summary>As <see cref="Read"/>, but what is not whole is refused.</summary>
    public static Reading<StreamInput> ReadWhole(Terminal terminal, string name, StreamReadOptions? options = null)
    {
        Reading<StreamInput> read = Read(terminal, name, options);
        return read.Ok && read.Value.Fault is { } fault ? Documents.Reading.Refused<StreamInput>(fault) : read;
    }

    /// <summary>A stream's fault as the command line says faults.</summary>
    public static InputFault FaultOf(string name, StreamFault fault)
        => new(name, fault.Expected, $"{fault.Found}, in {fault.Section}", fault.Kind switch
        {
            StreamFaultKind.Truncated => "the stream ends early; save it again",
            StreamFaultKind.Unsupported => "this program does not read such a stream",
            StreamFaultKind.Unreadable => "check the file",
            _ => "the stream is damaged, or is none; check the file",
        })
        {
            ByteOffset = fault.Offset,
        };

    private static StreamInput Walk(string name, Stream input, StreamReadOptions? options)
        => StreamFile.Open(input, out StreamFault? fault) is { } file
            ? new StreamInput(name, file, MigrationStreamReader.Read(file.Body, options))
            : new StreamInput(name, null, new StreamReading(new MigrationStream(), fault));
}
