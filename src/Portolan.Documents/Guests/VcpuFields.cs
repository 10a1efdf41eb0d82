using System.Collections.Immutable;
using Portolan.Documents.Json;
using Portolan.Kvm.State;

namespace Portolan.Documents.Guests;

/// <summary>One vCPU of a guest state's document.</summary>
internal static class VcpuFields
{
    public static VcpuState Read(ObjectCursor vcpu, uint id, string place)
    {
        VcpuState read = new()
        {
            Id = id,
            Cpuid = vcpu.RequiredOrNull("cpuid") is { } cpuid
                ? TableRows.ReadCpuid(vcpu, cpuid, vcpu.PathOf("cpuid"), Extension.PlaceOf(place, "cpuid"))
                : null,
            Xsave = ReadImage(vcpu, "xsave"),
            Xcrs = vcpu.EnterOrNull("xcrs") is { } xcrs ? RegisterFields.ReadXcrs(xcrs, Extension.PlaceOf(place, "xcrs")) : null,
            Regs = vcpu.EnterOrNull("regs") is { } regs ? RegisterFields.ReadRegs(regs, Extension.PlaceOf(place, "regs")) : null,
            Sregs = vcpu.EnterOrNull("sregs") is { } sregs ? RegisterFields.ReadSregs(sregs, Extension.PlaceOf(place, "sregs")) : null,
            Sregs2 = vcpu.EnterOrNull("sregs2") is { } sregs2 ? RegisterFields.ReadSregs2(sregs2, Extension.PlaceOf(place, "sregs2")) : null,
            Msrs = vcpu.RequiredOrNull("msrs") is { } msrs
                ? [.. TableRows.ReadMsrs(vcpu, msrs, vcpu.PathOf("msrs"), Extension.PlaceOf(place, "msrs"))]
                : [],
            Nested = ReadImage(vcpu, "nested"),
            Events = vcpu.EnterOrNull("events") is { } events ? EventFields.Read(events, Extension.PlaceOf(place, "events")) : null,
            MpState = vcpu.RequiredOrNull("mpState") is { } state ? ReadMpState(vcpu, state) : null,
            DebugRegs = vcpu.EnterOrNull("debugRegs") is { } debug ? RegisterFields.ReadDebugRegs(debug, Extension.PlaceOf(place, "debugRegs")) : null,
            Lapic = ReadImage(vcpu, "lapic"),
            TscKhz = vcpu.OptionalUInt32("tscKhz"),
        };
        vcpu.Finish(place);
        return read;
    }

    public static void Write(DocumentWriter writer, VcpuState vcpu, string place)
    {
        writer.Json.WriteStartObject();
        writer.Number("id", vcpu.Id);
        writer.Number("tscKhz", vcpu.TscKhz);
        writer.Text("mpState", vcpu.MpState is { } state ? MpStateNames[(int)state] : null);
        Part(writer, "xcrs", place, vcpu.Xcrs, RegisterFields.WriteXcrs);
        WriteImage(writer, "xsave", vcpu.Xsave);
        PartOfValue(writer, "regs", place, vcpu.Regs, RegisterFields.WriteRegs);
        PartOfValue(writer, "sregs", place, vcpu.Sregs, RegisterFields.WriteSregs);
        PartOfValue(writer, "sregs2", place, vcpu.Sregs2, RegisterFields.WriteSregs2);
        PartOfValue(writer, "debugRegs", place, vcpu.DebugRegs, RegisterFields.WriteDebugRegs);
        PartOfValue(writer, "events", place, vcpu.Events, EventFields.Write);
        WriteImage(writer, "nested", vcpu.Nested);
        WriteImage(writer, "lapic", vcpu.Lapic);
        if (vcpu.Cpuid is { } cpuid)
        {
            TableRows.WriteCpuid(writer, "cpuid", Extension.PlaceOf(place, "cpuid"), cpuid);
        }
        else
        {
            writer.Json.WriteNull("cpuid");
        }

        if (vcpu.Msrs.IsDefaultOrEmpty)
        {
            writer.Json.WriteNull("msrs");
        }
        else
        {
            TableRows.WriteMsrs(writer, "msrs", Extension.PlaceOf(place, "msrs"), vcpu.Msrs);
        }

        writer.WriteExtensions(place);
        writer.Json.WriteEndObject();
    }

    private static string[] MpStateNames { get; } = ["runnable", "uninitialized", "init-received", "halted", "sipi-received"];

    private static void Part<T>(DocumentWriter writer, string name, string place, T? part, Action<DocumentWriter, T, string> write)
        where T : class
    {
        if (part is null)
        {
            writer.Json.WriteNull(name);
        }
        else
        {
            writer.Object(name, Extension.PlaceOf(place, name), () => write(writer, part, Extension.PlaceOf(place, name)));
        }
    }

    private static void PartOfValue<T>(DocumentWriter writer, string name, string place, T? part, Action<DocumentWriter, T, string> write)
        where T : struct
    {
        if (part is { } value)
        {
            writer.Object(name, Extension.PlaceOf(place, name), () => write(writer, value, Extension.PlaceOf(place, name)));
        }
        else
        {
            writer.Json.WriteNull(name);
        }
    }

    internal static void WriteImage(DocumentWriter writer, string name, ImmutableArray<byte> image)
    {
        if (image.IsDefaultOrEmpty)
        {
            writer.Json.WriteNull(name);
        }
        else
        {
            writer.Json.WriteBase64String(name, image.AsSpan());
        }
    }

    internal static ImmutableArray<byte> ReadImage(ObjectCursor vcpu, string name)
    {
        if (vcpu.RequiredOrNull(name) is not { } value)
        {
            return [];
        }

        string text = vcpu.TextOf(value, vcpu.PathOf(name));
        byte[] room = new byte[(text.Length / 4 * 3) + 3];
        if (text.Length % 4 == 0 && Convert.TryFromBase64String(text, room, out int length) && length > 0)
        {
            return [.. room.AsSpan(0, length)];
        }

        vcpu.Refuse(value, vcpu.PathOf(name), "bytes in base64");
        return [];
    }

    private static KvmMpState ReadMpState(ObjectCursor vcpu, JsonValue value)
    {
        int at = Array.IndexOf(MpStateNames, vcpu.TextOf(value, vcpu.PathOf("mpState")));
        if (at >= 0)
        {
            return (KvmMpState)at;
        }

        vcpu.Refuse(value, vcpu.PathOf("mpState"), $"one of {string.Join(", ", MpStateNames)}");
        return default;
    }
}
