using System.Collections.Immutable;
using System.Text;
using Portolan.Streams.Reading;

namespace Portolan.Streams.Sections;

/// <summary>Reads the configuration section (QEMU migration/savevm.c, vmstate_configuration).</summary>
internal static class ConfigurationReader
{
    private const int LongestMachineType = 256;
    private const int MostCapabilities = 64;

    public static StreamConfiguration? Read(StreamWindow window)
    {
        window.Section = "configuration";
        long offset = window.Offset;
        window.ReadByte("the configuration");
        uint length = window.ReadUInt32("the machine type's length");
        if (window.Ok && length is 0 or > LongestMachineType)
        {
            window.FailAt(offset + 1, StreamFaultKind.Corrupt, $"a machine type of 1 to {LongestMachineType} bytes", StreamWindow.Hex(length));
        }

        long at = window.Offset;
        ReadOnlySpan<byte> name = window.Ok ? window.Take((int)length, "the machine type") : default;
        if (window.Ok && name.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e) >= 0)
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "a machine type, printable", "bytes that are not text");
        }

        StreamConfiguration configuration = new(Encoding.ASCII.GetString(name)) { Offset = offset };
        while (window.Ok && window.Fill(1) && window.Available[0] == (byte)RecordByte.Subsection)
        {
            configuration = Subsection(window, configuration);
        }

        return window.Ok ? configuration with { Length = window.Offset - offset } : null;
    }

    private static StreamConfiguration Subsection(StreamWindow window, StreamConfiguration configuration)
    {
        long offset = window.Offset;
        window.ReadByte("a subsection");
        string name = window.ReadShortText("the subsection's name");
        window.ReadUInt32("the subsection's version");
        if (!window.Ok)
        {
            return configuration;
        }

        switch (name)
        {
            case "configuration/target-page-bits":
                return configuration with { TargetPageBits = window.ReadUInt32("the bits of a page") };
            case "configuration/capabilities":
                return configuration with { Capabilities = Capabilities(window) };
            case "configuration/uuid":
                ReadOnlySpan<byte> uuid = window.Take(16, "the UUID");
                return window.Ok ? configuration with { Uuid = new Guid(uuid, bigEndian: true) } : configuration;
            default:
                window.FailAt(offset, StreamFaultKind.Unsupported, "target-page-bits, capabilities or uuid", name);
                return configuration;
        }
    }

    private static ImmutableArray<string> Capabilities(StreamWindow window)
    {
        uint count = window.ReadUInt32("the number of capabilities");
        if (window.Ok && count > MostCapabilities)
        {
            window.Fail(StreamFaultKind.Corrupt, $"at most {MostCapabilities} capabilities", StreamWindow.Hex(count));
        }

        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        for (uint i = 0; window.Ok && i < count; i++)
        {
            names.Add(window.ReadShortText("a capability's name"));
        }

        return names.ToImmutable();
    }
}
