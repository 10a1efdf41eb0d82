using Microsoft.Win32.SafeHandles;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats;
using Portolan.Formats.CloudHypervisor;
using Portolan.Kvm.Linux.Interop;
using Portolan.Streams.OtherVmms;

namespace Portolan.Cli.Streams;

/// <summary>A Cloud Hypervisor snapshot: its folder, or the <c>state.json</c> in it.</summary>
internal static class SnapshotFile
{
    private const int HeadSize = 512;

    /// <summary>Reads it; null where the file is no such snapshot.</summary>
    public static Reading<CloudHypervisorSnapshot>? Read(Terminal terminal, string name)
    {
        string file = PlainFile.KindOf(name) == FileKind.Directory ? Path.Combine(name, CloudHypervisorSnapshot.FileName) : name;
        if (name == InputFile.StandardInput || !OtherVmmSnapshot.IsCloudHypervisor(Head(file)))
        {
            return null;
        }

        Reading<InputFile> content = InputFile.Read(terminal, file);
        return content.Ok ? CloudHypervisorSnapshot.Read(new ImportRequest(file, content.Value.Bytes)) : Reading.Refused<CloudHypervisorSnapshot>(content.Fault);
    }

    /// <summary>The first bytes; none of a file that cannot be read, which is told when it is read whole.</summary>
    private static ReadOnlySpan<byte> Head(string file)
    {
        using SafeFileHandle? handle = PlainFile.OpenForReading(file, out _, out _);
        if (handle is null)
        {
            return [];
        }

        byte[] head = new byte[HeadSize];
        try
        {
            return head.AsSpan(0, RandomAccess.Read(handle, head, 0));
        }
        catch (IOException)
        {
            return [];
        }
    }
}
