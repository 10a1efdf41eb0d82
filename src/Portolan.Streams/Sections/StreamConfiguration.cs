using System.Collections.Immutable;

namespace Portolan.Streams.Sections;

/// <summary>The configuration section: what both sides must agree on (QEMU migration/savevm.c, vmstate_configuration).</summary>
/// <param name="MachineType">The machine type, as <c>pc-q35-7.2</c>.</param>
public sealed record StreamConfiguration(string MachineType)
{
    /// <summary>Bits of a target page, where a subsection says so; x86 has 12 and says nothing.</summary>
    public uint? TargetPageBits { get; init; }

    /// <summary>The migration capabilities that both sides must have set alike, as <c>x-ignore-shared</c> and <c>mapped-ram</c>.</summary>
    public ImmutableArray<string> Capabilities { get; init; } = [];

    /// <summary>The VM's UUID, where the source was asked to send it.</summary>
    public Guid? Uuid { get; init; }

    /// <summary>Bytes from the stream's start.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes.</summary>
    public long Length { get; init; }
}
