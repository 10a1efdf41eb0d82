using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents.Json;
using Portolan.Kvm.State;

namespace Portolan.Documents.Guests;

/// <summary>
/// Guest states as documents of schema <c>portolan/guest-state/1</c>. Images of bytes (XSAVE, nested state, LAPIC) are base64; parts
/// that were not captured are null.
/// </summary>
public static class GuestStateDocument
{
    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<GuestState> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.GuestState, ReadFields, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(GuestState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using DocumentWriter writer = new(DocumentKind.GuestState, state.Extensions);
        if (state.Clock is { } clock)
        {
            writer.Object("clock", "/clock", () =>
            {
                writer.Hex("nanoseconds", clock.Nanoseconds);
                writer.Hex("flags", clock.Flags);
                writer.Hex("realtimeNanoseconds", clock.RealtimeNanoseconds);
                writer.Hex("hostTsc", clock.HostTsc);
            });
        }
        else
        {
            writer.Json.WriteNull("clock");
        }

        writer.Json.WriteStartArray("vcpus");
        foreach (VcpuState vcpu in state.Vcpus.OrderBy(static vcpu => vcpu.Id))
        {
            VcpuFields.Write(writer, vcpu, PlaceOf(vcpu.Id));
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }

    private static GuestState ReadFields(ObjectCursor root) => new()
    {
        Vcpus = ReadVcpus(root),
        Clock = root.EnterOrNull("clock") is { } clock ? ReadClock(clock) : null,
    };

    private static ImmutableArray<VcpuState> ReadVcpus(ObjectCursor root)
    {
        SortedDictionary<uint, VcpuState> vcpus = [];
        foreach ((JsonValue value, string path) in root.Items(root.Required("vcpus"), "$.vcpus"))
        {
            ObjectCursor cursor = root.Enter(value, path);
            uint id = cursor.OptionalUInt32("id") ?? 0;
            if (cursor.Required("id") is not null && !vcpus.TryAdd(id, VcpuFields.Read(cursor, id, PlaceOf(id))))
            {
                cursor.Refuse(
                    value.Offset, path, "each vCPU id once", string.Create(CultureInfo.InvariantCulture, $"vCPU {id} a second time"), "remove one of the two");
            }
        }

        return [.. vcpus.Values];
    }

    private static KvmClock ReadClock(ObjectCursor clock)
    {
        KvmClock read = new(clock.Hex("nanoseconds"), clock.Hex32("flags"), clock.Hex("realtimeNanoseconds"), clock.Hex("hostTsc"));
        clock.Finish("/clock");
        return read;
    }

    private static string PlaceOf(uint id) => string.Create(CultureInfo.InvariantCulture, $"/vcpus/{id}");
}
