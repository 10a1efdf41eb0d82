using System.Collections.Immutable;
using Portolan.Streams.Fields;

namespace Portolan.Streams.Sections;

/// <summary>A QEMU migration stream, walked: everything but the content of RAM.</summary>
public sealed record MigrationStream
{
    /// <summary>The version of the file format; 3.</summary>
    public uint FileVersion { get; init; }

    /// <summary>The configuration section; null where the machine type is too old to send one.</summary>
    public StreamConfiguration? Configuration { get; init; }

    /// <summary>The sections in the stream's order.</summary>
    public ImmutableArray<StreamSection> Sections { get; init; } = [];

    /// <summary>The commands in the stream's order.</summary>
    public ImmutableArray<StreamCommand> Commands { get; init; } = [];

    /// <summary>What the RAM section says; null without one.</summary>
    public RamContents? Ram { get; init; }

    /// <summary>The stream's own description of its devices; null where it has none.</summary>
    public VmDescription? Description { get; init; }

    /// <summary>Where the byte stands that ends the devices (QEMU_VM_EOF); null where it is missing.</summary>
    public long? EofOffset { get; init; }

    /// <summary>Bytes in all.</summary>
    public long Length { get; init; }

    /// <summary>Bytes after the stream's end, as a file that was written in blocks may have.</summary>
    public long TrailingBytes { get; init; }

    /// <summary>Does it go on in postcopy: the guest already ran elsewhere while its RAM came?</summary>
    public bool IsPostcopy => Commands.Any(static command => command.Number is StreamCommand.PostcopyListen or StreamCommand.PostcopyRun);

    /// <summary>The vCPUs' sections, by instance.</summary>
    public IEnumerable<StreamSection> CpuSections => Sections.Where(static section => section.Name == "cpu").OrderBy(static section => section.Instance);
}

/// <summary>What walking a stream gave: what could be read, and why it ended early if it did.</summary>
/// <param name="Stream">What was read, up to the fault if there is one.</param>
/// <param name="Fault">Why it was not read to its end; null where it was.</param>
public sealed record StreamReading(MigrationStream Stream, StreamFault? Fault)
{
    /// <summary>Was it read to its end?</summary>
    public bool Ok => Fault is null;
}
