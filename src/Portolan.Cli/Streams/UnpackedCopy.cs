using Portolan.Streams;
using Portolan.Streams.Libvirt;

namespace Portolan.Cli.Streams;

/// <summary>A compressed stream or save image, unpacked into a nameless file beside the new one, so that it can be read twice and copied from.</summary>
internal static class UnpackedCopy
{
    private const int BufferSize = 1 << 20;

    /// <summary>Unpacks a file; null and the fault where it is damaged or does not fit. The copy goes when it is closed.</summary>
    /// <param name="packed">The compressed file.</param>
    /// <param name="file">The same, opened: its body stands at the stream's start.</param>
    /// <param name="to">The file that is to be written.</param>
    /// <param name="fault">What went wrong; null where nothing did.</param>
    public static FileStream? Make(FileStream packed, StreamFile file, string to, out StreamFault? fault)
    {
        FileStream? copy = null;
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(to)) ?? "/";
            string name = Path.Combine(folder, $".{Path.GetFileName(to)}.{Path.GetRandomFileName()}");
            copy = new FileStream(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, BufferSize);
            File.Delete(name); // The file lives on while it is open, and goes whatever ends this program.
            copy.Write(Head(packed, file));
            file.Body.CopyTo(copy, BufferSize);
            copy.Flush();
            copy.Position = file.StreamOffset;
            fault = null;
            return copy;
        }
        catch (Exception refused) when (refused is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            fault = refused is InvalidDataException
                ? new StreamFault(StreamFaultKind.Corrupt, "body", copy?.Position ?? 0, "data that unpacks to its end", refused.Message)
                : new StreamFault(StreamFaultKind.Unreadable, "body", copy?.Position ?? 0, "room to unpack the stream beside the new file", refused.Message);
            copy?.Dispose();
            return null;
        }
    }

    /// <summary>What stands before the body, with raw for its compression; empty where libvirt did not write the file.</summary>
    private static byte[] Head(FileStream packed, StreamFile file)
    {
        byte[] head = new byte[(int)file.StreamOffset];
        long body = packed.Position;
        packed.Position = 0;
        packed.ReadExactly(head);
        packed.Position = body;
        if (file.Image is not null)
        {
            LibvirtSaveImage.MarkRaw(head);
        }

        return head;
    }
}
