using Portolan.Streams.Fields;
using Portolan.Streams.Reading;

namespace Portolan.Streams.Sections;

/// <summary>
/// Walks a QEMU migration stream, 5.2 to 11.x, forwards and once: RAM is passed, not loaded, so that the memory needed does not grow with the
/// stream. A seekable input is asked for its description first. Sources: QEMU migration/savevm.c, migration/ram.c, migration/vmstate.c.
/// </summary>
public sealed class MigrationStreamReader
{
    internal const uint FileMark = 0x5145564d; // QEVM
    private const uint FileVersion = 3;
    private const byte FooterByte = 0x7e;
    private const int MostSections = 1 << 20;
    private const int LargestKept = 1 << 20;
    private const int LargestKeptInAll = 24 << 20;

    private readonly StreamWindow _window;
    private readonly StreamReadOptions _options;
    private readonly List<StreamSection> _sections = [];
    private readonly List<StreamCommand> _commands = [];
    private readonly Dictionary<uint, (string Name, uint Instance, uint Version)> _iterable = [];
    private readonly RamWalk _ram;
    private readonly SectionEnds _ends;
    private StreamConfiguration? _configuration;
    private VmDescription? _description;
    private long? _eof;
    private long _trailing;
    private int _kept;
    private bool _hasFooters = true;
    private bool _postcopyAdvised;
    private bool _stopped;

    private MigrationStreamReader(StreamWindow window, StreamReadOptions options)
    {
        _window = window;
        _options = options;
        _ram = new RamWalk(window);
        _ends = new SectionEnds(window);
    }

    /// <summary>Walks a stream from where the input stands to its end.</summary>
    public static StreamReading Read(Stream input, StreamReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        options ??= new StreamReadOptions();
        MigrationStreamReader reader = new(new StreamWindow(input) { Walked = options.Walked }, options);
        if (input.CanSeek && !options.ReadsForwards && DescriptionLocator.Find(input, input.Position) is { } found)
        {
            // What is wrong with it is told when the walk reaches it.
            reader._description = VmDescriptionReader.Read(found.Json, found.Offset, out _);
            reader._ends.Description = reader._description;
        }

        reader.Walk();
        return new StreamReading(reader.Result(), reader._window.Fault);
    }

    /// <summary>Does this look like a migration stream: its first four bytes?</summary>
    public static bool Recognises(ReadOnlySpan<byte> head) => head.StartsWith("QEVM"u8);

    private void Walk()
    {
        Header();
        if (!_window.Ok)
        {
            return;
        }

        if (_window.Fill(1) && _window.Available[0] == (byte)RecordByte.Configuration)
        {
            _configuration = ConfigurationReader.Read(_window);
            _ram.Capabilities = _configuration?.Capabilities ?? [];
        }

        while (_window.Ok && !_stopped && _eof is null && _sections.Count + _commands.Count < MostSections)
        {
            _window.Section = "stream";
            Record();
        }

        if (_stopped || _eof is not null && _options.DevicesRead?.Invoke(Result()) == false)
        {
            return;
        }

        if (_window.Ok && _eof is null)
        {
            _window.Fail(StreamFaultKind.Unsupported, $"at most {MostSections} sections and commands", "more");
        }

        if (_window.Ok)
        {
            After();
        }
    }

    private void Header()
    {
        uint mark = _window.ReadUInt32("the file's mark, QEVM");
        if (_window.Ok && mark != FileMark)
        {
            _window.FailAt(0, StreamFaultKind.Corrupt, "the file's mark, QEVM", StreamWindow.Hex(mark));
        }

        uint version = _window.ReadUInt32("the file format's version");
        if (_window.Ok && version != FileVersion)
        {
            _window.FailAt(4, StreamFaultKind.Unsupported, "file format 3", StreamWindow.Hex(version));
        }
    }

    private void Record()
    {
        long offset = _window.Offset;
        _window.Commit();
        if (_window.Limit is { } limit && offset == limit)
        {
            _window.Limit = null; // A package ends where it said; what follows is the stream again.
            _stopped = _options.DevicesRead?.Invoke(Result()) == false;
            if (_stopped)
            {
                return;
            }
        }

        byte kind = _window.ReadByte("a section, a command or the stream's end");
        if (!_window.Ok)
        {
            return;
        }

        switch ((RecordByte)kind)
        {
            case RecordByte.Eof:
                _eof = offset;
                break;
            case RecordByte.Start or RecordByte.Full:
                Begin((SectionKind)kind, offset);
                break;
            case RecordByte.Part or RecordByte.End:
                Continue((SectionKind)kind, offset);
                break;
            case RecordByte.Command:
                Command(offset);
                break;
            default:
                _window.FailAt(offset, StreamFaultKind.Corrupt, "a section, a command or the stream's end", StreamWindow.Hex(kind));
                break;
        }
    }

    private void Begin(SectionKind kind, long offset)
    {
        uint id = _window.ReadUInt32("the section's id");
        string name = _window.ReadShortText("the section's name");
        uint instance = _window.ReadUInt32("the section's instance");
        uint version = _window.ReadUInt32("the section's version");
        if (!_window.Ok)
        {
            return;
        }

        StreamSection section = new()
        {
            Kind = kind, Id = id, Name = name, Instance = instance, Version = version, Offset = offset, ContentOffset = _window.Offset,
        };
        if (kind == SectionKind.Start)
        {
            _iterable[id] = (name, instance, version);
        }

        Content(section);
    }

    private void Continue(SectionKind kind, long offset)
    {
        uint id = _window.ReadUInt32("the section's id");
        if (!_window.Ok)
        {
            return;
        }

        if (!_iterable.TryGetValue(id, out (string Name, uint Instance, uint Version) begun))
        {
            _window.FailAt(offset + 1, StreamFaultKind.Corrupt, "the id of a section that was begun", StreamWindow.Hex(id));
            return;
        }

        Content(new StreamSection
        {
            Kind = kind, Id = id, Name = begun.Name, Instance = begun.Instance, Version = begun.Version, Offset = offset, ContentOffset = _window.Offset,
        });
    }

    private void Content(StreamSection section)
    {
        _window.Section = section.Title;
        _options.SectionBegins?.Invoke(section);
        byte[]? content = null;
        SectionEnd end = SectionEnd.Content;
        if (section.Name == RamWalk.SectionName)
        {
            _ram.Walk(section.Kind, _postcopyAdvised);
        }
        else if (_ends.Find(section, _iterable.ContainsKey, _hasFooters) is { } found)
        {
            end = found.By;
            content = Pass(section, found.Length);
        }

        long length = _window.Offset - section.ContentOffset;
        bool footer = Footer(section);
        if (!_window.Ok)
        {
            return;
        }

        section = section with
        {
            ContentLength = length, Length = _window.Offset - section.Offset, End = end, HasFooter = footer, Content = content,
        };
        _sections.Add(section);
    }

    /// <summary>Passes a content; keeps it where it was asked for and room is left.</summary>
    private byte[]? Pass(StreamSection section, long length)
    {
        if (!_options.Keeps(section.Name) || length > LargestKept || _window.Offset != section.ContentOffset)
        {
            _window.Skip(length, "the section's content");
            return null;
        }

        if (_kept + length > LargestKeptInAll)
        {
            _window.Fail(StreamFaultKind.Unsupported, $"at most {LargestKeptInAll >> 20} MiB of vCPU state", "more");
            return null;
        }

        _kept += (int)length;
        return _window.Take((int)length, "the section's content").ToArray();
    }

    private bool Footer(StreamSection section)
    {
        if (!_window.Ok)
        {
            return false;
        }

        if (!_hasFooters || _window.Fill(1) && _window.Available[0] != FooterByte && _sections.Count == 0 && section.Name == RamWalk.SectionName)
        {
            _hasFooters = false;
            return false;
        }

        long at = _window.Offset;
        byte mark = _window.ReadByte("the section's footer");
        if (_window.Ok && mark != FooterByte)
        {
            _window.FailAt(at, StreamFaultKind.Corrupt, "the section's footer, 0x7e", StreamWindow.Hex(mark));
        }

        uint id = _window.ReadUInt32("the section's id in its footer");
        if (_window.Ok && id != section.Id)
        {
            _window.FailAt(at + 1, StreamFaultKind.Corrupt, $"the section's id in its footer, {StreamWindow.Hex(section.Id)}", StreamWindow.Hex(id));
        }

        return true;
    }

    private void Command(long offset)
    {
        _window.Section = "command";
        ushort number = _window.ReadUInt16("a command's number");
        ushort length = _window.ReadUInt16("a command's length");
        if (!_window.Ok)
        {
            return;
        }

        if (number is 0 or > StreamCommand.Largest)
        {
            _window.FailAt(offset + 1, StreamFaultKind.Corrupt, "a command's number", StreamWindow.Hex(number));
            return;
        }

        _commands.Add(new StreamCommand(number, offset, length));
        _postcopyAdvised |= number == StreamCommand.PostcopyAdvise && length > 0;
        if (number == StreamCommand.Packaged && length == sizeof(uint))
        {
            // The package is a stream inside of the stream, without mark and end; it is walked where it stands.
            uint package = _window.ReadUInt32("a package's length");
            if (_window.Ok && _window.Limit is not null)
            {
                _window.FailAt(offset, StreamFaultKind.Corrupt, "no package inside of a package", "one");
            }

            _window.Limit = _window.Offset + package;
            return;
        }

        _window.Skip(length, "a command's payload");
    }

    private void After()
    {
        _window.Section = "description";
        long at = _window.Offset;
        if (_window.AtEnd || _window.Available[0] != (byte)RecordByte.Description)
        {
            Trail();
            return;
        }

        _window.ReadByte("the description");
        uint length = _window.ReadUInt32("the description's length");
        if (_window.Ok && length > VmDescriptionReader.LargestJson)
        {
            _window.FailAt(at + 1, StreamFaultKind.Unsupported, $"at most {VmDescriptionReader.LargestJson >> 20} MiB of description", StreamWindow.Hex(length));
        }

        if (!_window.Ok)
        {
            return;
        }

        long json = _window.Offset;
        byte[] bytes = _window.Take((int)length, "the description").ToArray();
        if (_window.Ok && VmDescriptionReader.Read(bytes, json, out string? problem) is var read)
        {
            _description = read;
            if (read is null)
            {
                _window.FailAt(json, StreamFaultKind.Corrupt, "a description of the devices", problem!);
            }
        }

        Trail();
    }

    private void Trail()
    {
        if (_window.Ok)
        {
            long end = _window.Offset;
            while (_window.Fill(1))
            {
                _window.Skip(_window.Available.Length, "the rest");
            }

            _trailing = _window.Offset - end;
        }
    }

    private MigrationStream Result() => new()
    {
        FileVersion = FileVersion,
        Configuration = _configuration,
        Sections = [.. _sections],
        Commands = [.. _commands],
        Ram = _ram.Result(_sections),
        Description = _description,
        EofOffset = _eof,
        Length = _window.Offset,
        TrailingBytes = _trailing,
    };
}
