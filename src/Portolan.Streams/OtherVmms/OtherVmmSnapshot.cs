using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Portolan.Streams.OtherVmms;

/// <summary>
/// Recognises the snapshots of other VMMs by their first bytes: they are no streams. Firecracker's is not read anywhere: no document says what is in it, and it
/// changes from release to release (Firecracker docs/snapshotting/versioning.md documents the frame alone).
/// </summary>
public static class OtherVmmSnapshot
{
    private const ulong FormatBits = 0xffff;
    private const ulong FirecrackerX86 = 0x0710_1984_8664_0000;
    private const ulong FirecrackerArm = 0x0710_1984_aaaa_0000;
    private const int MarkSize = sizeof(ulong);
    private const int LongestVersion = 64;
    private const string Wanted = "a QEMU migration stream or a libvirt save image";

    /// <summary>Why the input is refused; null where it is no snapshot of another VMM.</summary>
    /// <param name="head">The first bytes of the input.</param>
    internal static StreamFault? Refusal(ReadOnlySpan<byte> head)
        => (Firecracker(head) ?? CloudHypervisor(head)) is { } found ? new StreamFault(StreamFaultKind.Unsupported, "header", 0, Wanted, found) : null;

    private static string? Firecracker(ReadOnlySpan<byte> head)
    {
        if (head.Length < MarkSize)
        {
            return null;
        }

        ulong mark = BinaryPrimitives.ReadUInt64LittleEndian(head);
        string? processor = (mark & ~FormatBits) switch { FirecrackerX86 => "x86-64", FirecrackerArm => "aarch64", _ => null };
        return processor is null
            ? null
            : $"a Firecracker snapshot of {processor}, {FirecrackerVersion(head[MarkSize..], (ushort)(mark & FormatBits))}: its layout is that of one release's structures and "
                + "documented nowhere; judge what its guest was promised: 'portolan guest define --host HOST --template TEMPLATE', then 'portolan check'";
    }

    /// <summary>Format 0 has the state's version as a text with its length in eight bytes; older ones a number of two bytes.</summary>
    private static string FirecrackerVersion(ReadOnlySpan<byte> rest, ushort format)
    {
        if (format != 0)
        {
            string state = rest.Length < sizeof(ushort) ? "unknown" : BinaryPrimitives.ReadUInt16LittleEndian(rest).ToString(CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"format {format}, state version {state}");
        }

        ulong length = rest.Length < MarkSize ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(rest);
        ReadOnlySpan<byte> text = length is > 0 and <= LongestVersion && rest.Length - MarkSize >= (int)length ? rest.Slice(MarkSize, (int)length) : default;
        return text.IsEmpty || text.IndexOfAnyExceptInRange((byte)'!', (byte)'~') >= 0 ? "state version not told" : $"state version {Encoding.ASCII.GetString(text)}";
    }

    /// <summary>Is it the <c>state.json</c> of a Cloud Hypervisor snapshot: an object whose first member is the tree's identity or its branches?</summary>
    /// <param name="head">The first bytes of the input.</param>
    public static bool IsCloudHypervisor(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> text = head.TrimStart(" \t\r\n"u8);
        return text.StartsWith("{"u8) && (text.IndexOf("\"snapshots\""u8) >= 0 || text.IndexOf("\"snapshot_data\""u8) >= 0);
    }

    private static string? CloudHypervisor(ReadOnlySpan<byte> head) => IsCloudHypervisor(head)
        ? "the state.json of a Cloud Hypervisor snapshot, which is no stream; give it as a file to 'portolan stream inspect' or 'portolan stream check'"
        : null;
}
