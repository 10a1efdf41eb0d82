using Portolan.Documents.Json;
using Portolan.Kvm.Guest.Readings;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Guests;

/// <summary>A guest's stay on one host, as a document of schema <c>portolan/guest-hop/1</c>: written, not read.</summary>
public static class GuestHopDocument
{
    /// <summary>The document's bytes.</summary>
    /// <param name="hop">The stay.</param>
    /// <param name="host">The host.</param>
    public static ReadOnlyMemory<byte> Write(GuestHop hop, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(hop);
        ArgumentNullException.ThrowIfNull(host);
        using DocumentWriter writer = new(DocumentKind.GuestHop);
        writer.Json.WriteBoolean("ok", hop.Ok);
        writer.Text("host", host.Name);
        writer.Text("kernelRelease", host.KernelRelease?.Value);
        writer.Text("kvmModule", host.KvmModule?.Value);
        writer.Json.WriteBoolean("started", hop.Loaded is null);
        Mask(writer, "loadedXstateBv", hop.Loaded);
        Mask(writer, "savedXstateBv", hop.Saved);
        writer.Text("refused", hop.Refused);
        writer.Text("undecided", hop.Reading?.Undecided);
        writer.Text("xcr0", hop.Reading?.Xcr0);
        writer.Number("cpuidLeaves", hop.Reading?.Cpuid.Length);
        writer.Number("msrs", hop.Reading?.Msrs.Length);
        writer.Text("registers", hop.Reading is { } reading ? XFeatureTable.Names(reading.Components) : null);
        writer.Strings("differences", hop.Differences);
        writer.Strings("remarks", hop.Remarks);
        return writer.Finish();
    }

    private static void Mask(DocumentWriter writer, string name, XFeatureMask? mask) => writer.Text(name, mask is { } known ? HexText.Of(known.Bits) : null);
}
