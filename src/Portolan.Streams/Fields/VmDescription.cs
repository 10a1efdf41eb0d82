using System.Collections.Immutable;

namespace Portolan.Streams.Fields;

/// <summary>The JSON with which QEMU describes the stream's devices after its end (vmdesc).</summary>
public sealed record VmDescription
{
    /// <summary>Bytes from the stream's start to the JSON.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes of JSON.</summary>
    public int Length { get; init; }

    /// <summary>Bytes of a target page.</summary>
    public int PageSize { get; init; }

    /// <summary>The devices in the stream's order.</summary>
    public ImmutableArray<DescribedDevice> Devices { get; init; } = [];

    /// <summary>The device of that name and instance.</summary>
    public DescribedDevice? Find(string name, uint instance) => Devices.FirstOrDefault(device => device.Name == name && device.Instance == instance);
}

/// <summary>One device of a description.</summary>
/// <param name="Name">The section's name.</param>
/// <param name="Instance">The section's instance.</param>
/// <param name="Vmstate">How its content lies on the wire.</param>
public sealed record DescribedDevice(string Name, uint Instance, Vmstate Vmstate);
