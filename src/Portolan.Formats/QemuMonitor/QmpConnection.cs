using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.Formats.QemuMonitor;

/// <summary>
/// A conversation with QEMU over its monitor's unix socket: one JSON document per line (docs/interop/qmp-spec.rst). Every wait ends
/// with the deadline, and no line is longer than <see cref="LongestLine"/>.
/// </summary>
internal sealed class QmpConnection : IDisposable
{
    /// <summary>The longest line that is read, in bytes; QEMU's longest answers (query-qmp-schema) have some hundred KiB.</summary>
    public const int LongestLine = 4 << 20;

    private const int Room = 16 << 10;
    private const int MostLines = 100_000; // events between an order and its answer

    private readonly string _path;
    private readonly Socket _socket;
    private readonly long _deadline;
    private readonly List<byte> _pending = [];
    private readonly byte[] _room = new byte[Room];
    private int _scanned;

    private QmpConnection(string path, Socket socket, long deadline)
    {
        _path = path;
        _socket = socket;
        _deadline = deadline;
    }

    /// <summary>Connects, reads the greeting and leaves negotiation mode.</summary>
    public static Reading<QmpConnection> Open(string path, TimeSpan patience)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        QmpConnection connection = new(path, socket, Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency));
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (Exception refused) when (refused is SocketException or ArgumentException)
        {
            socket.Dispose();
            return Reading.Refused<QmpConnection>(new InputFault(path, "a unix socket of a running QEMU", Reason(path, refused), "give the path of QEMU's -qmp unix:PATH,server=on,wait=off"));
        }

        Reading<JsonValue> greeting = connection.Line();
        InputFault? fault = greeting.Fault ?? (greeting.Value!["QMP"] is null ? connection.NoQmp("another document") : connection.Ask("qmp_capabilities").Fault);
        if (fault is null)
        {
            return Reading.Of(connection);
        }

        connection.Dispose();
        return Reading.Refused<QmpConnection>(fault);
    }

    /// <summary>Gives an order without arguments and reads what it returns.</summary>
    public Reading<JsonValue> Ask(string order) => Exchange(order, "");

    /// <summary>Gives an order with arguments; names and texts are written as JSON strings.</summary>
    public Reading<JsonValue> Ask(string order, params (string Name, string Text)[] arguments)
        => Exchange(order, ",\"arguments\":{" + string.Join(',', arguments.Select(pair => $"{Quote(pair.Name)}:{Quote(pair.Text)}")) + "}");

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static string Quote(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text)
        {
            _ = c is '"' or '\\' ? quoted.Append('\\').Append(c) : c < ' ' ? quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Why there is no connection. The kernel says of a file that is no socket only that nobody listens, or that it may not be written.</summary>
    private static string Reason(string path, Exception refused) => refused switch
    {
        SocketException when Directory.Exists(path) => "a directory",
        SocketException when new FileInfo(path) is { Exists: true, Length: > 0 } => "a file that is no socket",
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nobody listens there",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "no permission (EACCES)",
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "nothing of that name",
        SocketException socket => string.Create(CultureInfo.InvariantCulture, $"errno {socket.NativeErrorCode}"),
        _ => "a path that no socket can have",
    };

    private Reading<JsonValue> Exchange(string order, string arguments)
    {
        try
        {
            _ = _socket.Send(Encoding.UTF8.GetBytes($"{{\"execute\":{Quote(order)}{arguments}}}\n"));
        }
        catch (SocketException)
        {
            return Reading.Refused<JsonValue>(NoQmp("a socket that takes no orders"));
        }

        for (int line = 0; line < MostLines; line++)
        {
            Reading<JsonValue> answer = Line();
            if (!answer.Ok)
            {
                return answer;
            }

            if (answer.Value["return"] is { } value)
            {
                return Reading.Of(value);
            }

            if (answer.Value["error"] is { } error)
            {
                return Reading.Refused<JsonValue>(new InputFault(_path, $"an answer to {order}", $"QEMU's refusal: {Printable.OneLine(error["desc"]?.Text ?? "")}", "check QEMU's version"));
            }
        }

        return Reading.Refused<JsonValue>(NoQmp("events without an end"));
    }

    /// <summary>The next line as JSON.</summary>
    private Reading<JsonValue> Line()
    {
        while (true)
        {
            int end = _pending.IndexOf((byte)'\n', _scanned);
            if (end >= 0)
            {
                byte[] line = [.. _pending.Take(end)];
                _pending.RemoveRange(0, end + 1);
                _scanned = 0;
                Reading<JsonValue> parsed = JsonParser.Parse(_path, line);
                return parsed.Ok ? parsed : Reading.Refused<JsonValue>(NoQmp("what is no JSON"));
            }

            _scanned = _pending.Count;
            if (_pending.Count > LongestLine)
            {
                return Reading.Refused<JsonValue>(NoQmp($"a line beyond {LongestLine >> 20} MiB"));
            }

            if (Receive() is { } fault)
            {
                return Reading.Refused<JsonValue>(fault);
            }
        }
    }

    private InputFault? Receive()
    {
        long left = (_deadline - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency;
        if (left <= 0)
        {
            return NoQmp("no answer in time (another client may hold the monitor)");
        }

        try
        {
            _socket.ReceiveTimeout = (int)Math.Min(left, int.MaxValue);
            int read = _socket.Receive(_room);
            _pending.AddRange(_room.AsSpan(0, read));
            return read == 0 ? NoQmp("the end of the conversation") : null;
        }
        catch (SocketException refused)
        {
            return NoQmp(refused.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
                ? "no answer in time (another client may hold the monitor)" : Reason(_path, refused));
        }
    }

    private InputFault NoQmp(string found)
        => new(_path, "QEMU's monitor protocol (QMP)", found, "give the path of QEMU's -qmp unix:PATH,server=on,wait=off");
}
