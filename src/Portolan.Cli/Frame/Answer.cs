using Portolan.Documents;
using Portolan.Kvm.Linux.Interop;

namespace Portolan.Cli.Frame;

/// <summary>Where a verb's answer goes: a file, standard output as JSON, or text for people.</summary>
internal static class Answer
{
    /// <summary>
    /// With a file named, the document goes there and nothing to standard output; else JSON to standard output if asked, else text.
    /// </summary>
    public static ExitCode Give(
        Terminal terminal, string? output, bool json, Func<ReadOnlyMemory<byte>> document, Func<TextReport> text, ExitCode code = ExitCode.Done)
    {
        if (output is not null && output != InputFile.StandardInput)
        {
            ExitCode written = Write(terminal, output, document());
            return written == ExitCode.Done ? code : written;
        }

        if (json || output is not null)
        {
            terminal.Write(document().Span);
        }
        else
        {
            text().WriteTo(terminal);
        }

        return code;
    }

    /// <summary>Writes a file, whole or not at all. A FIFO or a device is never replaced.</summary>
    public static ExitCode Write(Terminal terminal, string path, ReadOnlyMemory<byte> content)
    {
        if (PlainFile.KindOf(path) == FileKind.Special)
        {
            return terminal.Refuse(new InputFault(path, "a file to write", "a FIFO, socket or device", "name a file, or leave -o out and use standard output"));
        }

        InputFault? fault = AtomicFile.Write(path, content.Span);
        return fault is null ? ExitCode.Done : terminal.Refuse(fault);
    }
}
