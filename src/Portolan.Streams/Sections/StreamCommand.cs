using System.Globalization;

namespace Portolan.Streams.Sections;

/// <summary>A command in the stream (QEMU migration/savevm.c, enum qemu_vm_cmd).</summary>
/// <param name="Number">Its number.</param>
/// <param name="Offset">Bytes from the stream's start.</param>
/// <param name="Length">Bytes of its payload.</param>
public sealed record StreamCommand(ushort Number, long Offset, int Length)
{
    private static readonly string[] Names =
    [
        "invalid", "open-return-path", "ping", "postcopy-advise", "postcopy-listen", "postcopy-run", "postcopy-ram-discard", "packaged",
        "enable-colo", "postcopy-resume", "recv-bitmap", "switchover-start",
    ];

    internal const ushort PostcopyAdvise = 3;
    internal const ushort PostcopyListen = 4;
    internal const ushort PostcopyRun = 5;
    internal const ushort Packaged = 7;
    internal const ushort Largest = 31;

    /// <summary>Its name, or its number where it has none.</summary>
    public string Name => Number < Names.Length ? Names[Number] : string.Create(CultureInfo.InvariantCulture, $"command-{Number}");
}
