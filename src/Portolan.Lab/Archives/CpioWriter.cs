using System.Globalization;
using System.Text;

namespace Portolan.Lab.Archives;

/// <summary>
/// Writes a cpio archive in the format <c>newc</c> that the kernel unpacks into its first root: a header of eight-digit hexadecimal
/// fields in ASCII, the name, the content, each padded to four bytes.
/// </summary>
public sealed class CpioWriter
{
    private const int FolderMode = 0x41ed, ProgramMode = 0x81ed, FileMode = 0x81a4, LinkMode = 0xa1ff; // 040755, 0100755, 0100644, 0120777
    private const string Trailer = "TRAILER!!!";
    private const int Alignment = 4;

    private readonly Stream _output;
    private long _written;
    private uint _node;

    /// <summary>A writer into a stream.</summary>
    public CpioWriter(Stream output) => _output = output;

    /// <summary>A folder. Its parents must have been written before.</summary>
    public void Folder(string name) => Write(name, FolderMode, 2, []);

    /// <summary>A regular file.</summary>
    /// <param name="name">Its path, without a leading slash.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="isProgram">May it be executed?</param>
    public void File(string name, ReadOnlySpan<byte> content, bool isProgram = false) => Write(name, isProgram ? ProgramMode : FileMode, 1, content);

    /// <summary>A symbolic link.</summary>
    public void Link(string name, string target) => Write(name, LinkMode, 1, Encoding.UTF8.GetBytes(target));

    /// <summary>The trailer, without which the archive is cut short.</summary>
    public void Finish() => Write(Trailer, 0, 1, []);

    private void Write(string name, int mode, int links, ReadOnlySpan<byte> content)
    {
        byte[] path = Encoding.UTF8.GetBytes(name + '\0');
        bool isTrailer = name == Trailer;
        uint node = isTrailer ? 0 : ++_node;
        uint[] fields = [node, (uint)mode, 0, 0, (uint)links, 0, (uint)content.Length, 0, 0, 0, 0, (uint)path.Length, 0];
        StringBuilder header = new("070701");
        foreach (uint field in fields)
        {
            header.Append(field.ToString("X8", CultureInfo.InvariantCulture));
        }

        Put(Encoding.ASCII.GetBytes(header.ToString()));
        Put(path);
        Pad();
        Put(content);
        Pad();
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _output.Write(bytes);
        _written += bytes.Length;
    }

    private void Pad()
    {
        while (_written % Alignment != 0)
        {
            _output.WriteByte(0);
            _written++;
        }
    }
}
