using System.Collections.Immutable;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Portolan.Documents;

namespace Portolan.Lab.Guest;

/// <summary>
/// Reads what the first program of the lab kernel writes to the second serial line, as it arrives: lines that begin with a mark say where
/// it is; between <c>file</c> and <c>end</c> stands a gzip stream in base64. A file whose length and SHA-256 are not those announced is damaged.
/// </summary>
public sealed class SerialReader
{
    internal const string Mark = "@portolan", StageWord = "stage", ExitWord = "exit", FileWord = "file", EndWord = "end";
    internal const string AbsentWord = "absent", FailedWord = "failed", DoneWord = "done";

    /// <summary>The largest file that comes back, in bytes.</summary>
    public const int LargestFile = 64 << 20;

    private const int LongestLine = 4096;

    private readonly Dictionary<string, ReturnedFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _exits = new(StringComparer.Ordinal);
    private readonly StringBuilder _line = new();
    private Frame? _open;

    private sealed record Frame(string Name, int Length, string Sha256)
    {
        public StringBuilder Text { get; } = new();
    }

    /// <summary>The stage that was announced last; empty before the first.</summary>
    public string Stage { get; private set; } = "";

    /// <summary>What the script gave up on; null where on nothing.</summary>
    public string? Failure { get; private set; }

    /// <summary>Did the script come to its end?</summary>
    public bool IsDone { get; private set; }

    /// <summary>Bytes of the line, whole lines or not.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (b == (byte)'\n')
            {
                Take(_line.ToString().TrimEnd('\r'));
                _line.Clear();
            }
            else if (_line.Length < LongestLine)
            {
                _line.Append((char)b);
            }
        }
    }

    /// <summary>A command's answer, as far as it arrived.</summary>
    public GuestReply ReplyOf(GuestCommand command)
    {
        ArgumentNullException.ThrowIfNull(command);
        return new GuestReply(
            command,
            _exits.TryGetValue(command.Name, out int code) ? code : null,
            FileOf($"{command.Name}.out"),
            FileOf($"{command.Name}.err"),
            Enumerable.Range(0, command.Files.Length).ToImmutableSortedDictionary(
                i => command.Files[i], i => FileOf(GuestScript.FileKey(command, i)), StringComparer.Ordinal));
    }

    private ReturnedFile FileOf(string name)
        => _files.TryGetValue(name, out ReturnedFile? file) ? file
        : _open?.Name == name ? new ReturnedFile(null, "its end did not come back")
        : ReturnedFile.Missing;

    private void Take(string line)
    {
        if (!line.StartsWith(Mark + " ", StringComparison.Ordinal))
        {
            // Each line of base64 is four thirds of what gzip made; what does not compress grows by little.
            if (_open is { } frame && frame.Text.Length <= (frame.Length * 2L) + LongestLine)
            {
                frame.Text.Append(line).Append('\n');
            }

            return;
        }

        string[] words = line.Split(' ');
        switch (words[1])
        {
            case StageWord when words.Length == 3:
                Stage = words[2];
                break;
            case ExitWord when words.Length == 4 && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out int code):
                _exits[words[2]] = code;
                break;
            case FileWord when words.Length == 5 && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out int length):
                Abandon();
                _open = new Frame(words[2], length, words[4]);
                break;
            case EndWord when words.Length == 3 && _open?.Name == words[2]:
                _files[_open.Name] = Decode(_open);
                _open = null;
                break;
            case AbsentWord when words.Length == 3:
                _files[words[2]] = new ReturnedFile(null, "the command did not write it");
                break;
            case FailedWord:
                Failure = string.Join(' ', words[2..]);
                break;
            case DoneWord:
                Abandon();
                IsDone = true;
                break;
            default:
                break; // A damaged line: the file that misses it will say so.
        }
    }

    private void Abandon()
    {
        if (_open is { } frame)
        {
            _files[frame.Name] = new ReturnedFile(null, "its end did not come back");
            _open = null;
        }
    }

    private static ReturnedFile Decode(Frame frame)
    {
        if (frame.Length > LargestFile)
        {
            return new ReturnedFile(null, string.Create(CultureInfo.InvariantCulture, $"it has {frame.Length} bytes; at most {LargestFile >> 20} MiB come back"));
        }

        byte[] content = new byte[frame.Length];
        try
        {
            using GZipStream plain = new(new MemoryStream(Convert.FromBase64String(frame.Text.ToString())), CompressionMode.Decompress);
            int read = plain.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (read < content.Length || plain.ReadByte() >= 0)
            {
                return new ReturnedFile(null, $"its length is not the {frame.Length} bytes announced");
            }
        }
        catch (Exception bad) when (bad is FormatException or InvalidDataException)
        {
            return new ReturnedFile(null, $"it was garbled on the line: {Printable.OneLine(bad.Message)}");
        }

        return Documents.Sha256.HexOf(content) == frame.Sha256
            ? new ReturnedFile(content, null)
            : new ReturnedFile(null, "its SHA-256 is not the one announced");
    }
}
