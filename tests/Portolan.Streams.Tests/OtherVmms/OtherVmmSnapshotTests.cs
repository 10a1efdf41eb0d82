using System.Text;
using Portolan.Streams.Libvirt;

namespace Portolan.Streams.Tests.OtherVmms;

/// <summary>Snapshots of other VMMs are refused by their names, whole or cut, from a file or a pipe.</summary>
public sealed class OtherVmmSnapshotTests
{
    /// <summary>The frame that Firecracker 1.7 to 1.12 write: mark, length and text of the version, then the state.</summary>
    private static readonly byte[] Firecracker = [0, 0, 0x64, 0x86, 0x84, 0x19, 0x10, 0x07, 5, 0, 0, 0, 0, 0, 0, 0, .. "4.0.0"u8, .. new byte[64]];

    /// <summary>The frame before that: the mark has the format's number, and the state's version follows.</summary>
    private static readonly byte[] OlderFirecracker = [1, 0, 0x64, 0x86, 0x84, 0x19, 0x10, 0x07, 8, 0, .. new byte[64]];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_firecracker_snapshot_is_named_with_its_version(bool pipe)
    {
        Assert.Contains("a Firecracker snapshot of x86-64, state version 4.0.0:", Refusal(Firecracker, pipe), StringComparison.Ordinal);
        Assert.Contains("a Firecracker snapshot of x86-64, format 1, state version 8:", Refusal(OlderFirecracker, pipe), StringComparison.Ordinal);
        Assert.Contains("aarch64", Refusal([0, 0, 0xaa, 0xaa, .. Firecracker[4..]], pipe), StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_that_is_none_is_not_told()
    {
        foreach (byte[] damaged in (byte[][])[Firecracker[..8], Firecracker[..12], Firecracker[..18], [.. Firecracker[..8], .. Enumerable.Repeat((byte)0xff, 64)], [.. Firecracker[..16], 0, 1, 2, 3, 4, 5]])
        {
            Assert.Contains("state version not told", Refusal(damaged, false), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{\"id\":\"vm\",\"snapshots\":{\"cpu-manager\":{\"snapshots\":{}}}}")]
    [InlineData("{\"snapshots\":{\"device-manager\":{\"snapshots\":{},\"snapshot_data\":{\"state\":\"{}\"}}}}")]
    [InlineData("\n {\n  \"snapshot_data\": null }")]
    public void A_cloud_hypervisor_state_is_named(string json)
    {
        Assert.Contains("Cloud Hypervisor", Refusal(Encoding.UTF8.GetBytes(json), false), StringComparison.Ordinal);
        Assert.Contains("portolan stream check", Refusal(Encoding.UTF8.GetBytes(json), true), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"a\": 1}")]
    [InlineData("")]
    [InlineData("\u0007\u0010")]
    public void What_is_no_snapshot_is_no_stream_either(string text)
    {
        StreamFault fault = StreamFile.Read(new MemoryStream(Encoding.UTF8.GetBytes(text))).Fault!;

        Assert.NotEqual(StreamFaultKind.Unsupported, fault.Kind);
    }

    private static string Refusal(byte[] bytes, bool pipe)
    {
        using Stream input = pipe ? new Libvirt.OnlyForwards(bytes) : new MemoryStream(bytes);
        Assert.Null(StreamFile.Open(input, out StreamFault? fault));
        Assert.Equal((StreamFaultKind.Unsupported, "header", 0), (fault!.Kind, fault.Section, fault.Offset));
        return fault.Found;
    }
}
