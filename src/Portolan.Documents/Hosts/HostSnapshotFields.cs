using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents.Json;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Hosts;

/// <summary>The fields of a host snapshot's document, read and written in one order.</summary>
internal static class HostSnapshotFields
{
    private const string UnknownNativeBits = "unknownNativeBits";
    private const string NativeMsrs = "nativeMsrs";
    private const string PartlyKnownFeatureMsrs = "partlyKnownFeatureMsrs";

    public static HostSnapshot Read(ObjectCursor root) => new()
    {
        Name = root.OptionalText("name"),
        TakenAt = ReadDate(root),
        NativeCpuid = Cpuid(root, "nativeCpuid"),
        UnknownNativeBits = root.Optional(UnknownNativeBits) is { } unknownNative
            ? TableRows.ReadCpuid(root, unknownNative, root.PathOf(UnknownNativeBits), Extension.PlaceOf(Extension.Root, UnknownNativeBits))
            : null,
        NativeCpuidIsPartial = root.Optional("nativeCpuidIsPartial") is not null && root.Flag("nativeCpuidIsPartial"),
        NativeMsrs = root.Optional(NativeMsrs) is null ? null : FactFields.Read(root, NativeMsrs, ReadMsrTable),
        SupportedCpuid = Cpuid(root, "supportedCpuid"),
        UnknownCpuidBits = root.RequiredOrNull("unknownCpuidBits") is { } unknown
            ? TableRows.ReadCpuid(root, unknown, "$.unknownCpuidBits", "/unknownCpuidBits")
            : null,
        SupportedCpuidIsPartial = root.Flag("supportedCpuidIsPartial"),
        EmulatedCpuid = Cpuid(root, "emulatedCpuid"),
        HypervCpuid = Cpuid(root, "hypervCpuid"),
        Capabilities = FactFields.Read(root, "capabilities", ReadCapabilities),
        SavedMsrs = FactFields.Read(root, "savedMsrs", ReadIndices),
        FeatureMsrIndices = FactFields.Read(root, "featureMsrIndices", ReadIndices),
        FeatureMsrs = FactFields.Read(root, "featureMsrs", ReadMsrTable),
        PartlyKnownFeatureMsrs = root.Optional(PartlyKnownFeatureMsrs) is null ? null : FactFields.Read(root, PartlyKnownFeatureMsrs, TableRows.ReadPartlyKnownMsrs),
        SupportedXcr0 = XFeatures(root, "supportedXcr0"),
        GuestPermission = XFeatures(root, "guestPermission"),
        HostXcr0 = XFeatures(root, "hostXcr0"),
        SupportedXss = XFeatures(root, "supportedXss"),
        MxcsrMask = FactFields.Read(root, "mxcsrMask", static (o, v, path, _) => (uint)o.HexOf(v, path, 32)),
        KernelRelease = Text(root, "kernelRelease"),
        KernelVersion = Text(root, "kernelVersion"),
        Microcode = Text(root, "microcode"),
        KvmModule = Text(root, "kvmModule"),
        ModuleParameters = FactFields.Read(root, "moduleParameters", ReadParameters),
        TscKhz = FactFields.Read(root, "tscKhz", static (o, v, path, _) => (uint)o.IntegerOf(v, path, 0, uint.MaxValue)),
        Vmm = Text(root, "vmm"),
        MachineTypes = FactFields.Read(root, "machineTypes", ReadTexts),
        BootId = Text(root, "bootId"),
        Behaviours = ReadBehaviours(root),
    };

    public static void Write(DocumentWriter writer, HostSnapshot snapshot)
    {
        writer.Text("name", snapshot.Name);
        writer.Text("takenAt", snapshot.TakenAt is { } date ? HostSnapshotDocument.DateText(date) : null);
        Write(writer, "kernelRelease", snapshot.KernelRelease, WriteText);
        Write(writer, "kernelVersion", snapshot.KernelVersion, WriteText);
        Write(writer, "microcode", snapshot.Microcode, WriteText);
        Write(writer, "kvmModule", snapshot.KvmModule, WriteText);
        Write(writer, "moduleParameters", snapshot.ModuleParameters, WriteParameters);
        Write(writer, "vmm", snapshot.Vmm, WriteText);
        Write(writer, "machineTypes", snapshot.MachineTypes, WriteTexts);
        Write(writer, "bootId", snapshot.BootId, WriteText);
        Write(writer, "tscKhz", snapshot.TscKhz, static (w, _, value) => w.Number("value", value));
        Write(writer, "supportedXcr0", snapshot.SupportedXcr0, WriteXFeatures);
        Write(writer, "guestPermission", snapshot.GuestPermission, WriteXFeatures);
        Write(writer, "hostXcr0", snapshot.HostXcr0, WriteXFeatures);
        Write(writer, "supportedXss", snapshot.SupportedXss, WriteXFeatures);
        Write(writer, "mxcsrMask", snapshot.MxcsrMask, static (w, _, value) => w.Hex("value", value));
        Write(writer, "capabilities", snapshot.Capabilities, WriteCapabilities);
        WriteBehaviours(writer, snapshot.Behaviours);
        Write(writer, "supportedCpuid", snapshot.SupportedCpuid, WriteCpuid);
        writer.Json.WriteBoolean("supportedCpuidIsPartial", snapshot.SupportedCpuidIsPartial);
        if (snapshot.UnknownCpuidBits is { } unknown)
        {
            TableRows.WriteCpuid(writer, "unknownCpuidBits", "/unknownCpuidBits", unknown);
        }
        else
        {
            writer.Json.WriteNull("unknownCpuidBits");
        }

        Write(writer, "emulatedCpuid", snapshot.EmulatedCpuid, WriteCpuid);
        Write(writer, "hypervCpuid", snapshot.HypervCpuid, WriteCpuid);
        Write(writer, "nativeCpuid", snapshot.NativeCpuid, WriteCpuid);
        WriteLaterFactsOfTheCpu(writer, snapshot);
        Write(writer, "featureMsrs", snapshot.FeatureMsrs, static (w, place, value) => TableRows.WriteMsrs(w, "value", place, value));
        Write(writer, "featureMsrIndices", snapshot.FeatureMsrIndices, static (w, _, value) => FactFields.WriteWordList(w.Json, "value", value));
        Write(writer, "savedMsrs", snapshot.SavedMsrs, static (w, _, value) => FactFields.WriteWordList(w.Json, "value", value));
    }

    /// <summary>These fields came later: a snapshot without them is written, and hashed, as it was before.</summary>
    private static void WriteLaterFactsOfTheCpu(DocumentWriter writer, HostSnapshot snapshot)
    {
        if (snapshot.NativeMsrs is { } msrs)
        {
            Write(writer, NativeMsrs, msrs, static (w, place, value) => TableRows.WriteMsrs(w, "value", place, value));
        }

        if (snapshot.PartlyKnownFeatureMsrs is { } partly)
        {
            Write(writer, PartlyKnownFeatureMsrs, partly, static (w, place, value) => TableRows.WritePartlyKnownMsrs(w, "value", place, value));
        }

        if (snapshot.NativeCpuidIsPartial)
        {
            writer.Json.WriteBoolean("nativeCpuidIsPartial", true);
        }

        if (snapshot.UnknownNativeBits is { } unknown)
        {
            TableRows.WriteCpuid(writer, UnknownNativeBits, Extension.PlaceOf(Extension.Root, UnknownNativeBits), unknown);
        }
    }

    /// <summary>The same facts; of the evidence only its quality.</summary>
    public static HostSnapshot WithoutWords(HostSnapshot s) => s with
    {
        NativeCpuid = Plain(s.NativeCpuid),
        NativeMsrs = Plain(s.NativeMsrs),
        SupportedCpuid = Plain(s.SupportedCpuid),
        EmulatedCpuid = Plain(s.EmulatedCpuid),
        HypervCpuid = Plain(s.HypervCpuid),
        Capabilities = Plain(s.Capabilities),
        SavedMsrs = Plain(s.SavedMsrs),
        FeatureMsrIndices = Plain(s.FeatureMsrIndices),
        FeatureMsrs = Plain(s.FeatureMsrs),
        PartlyKnownFeatureMsrs = Plain(s.PartlyKnownFeatureMsrs),
        SupportedXcr0 = Plain(s.SupportedXcr0),
        GuestPermission = Plain(s.GuestPermission),
        HostXcr0 = Plain(s.HostXcr0),
        SupportedXss = Plain(s.SupportedXss),
        MxcsrMask = Plain(s.MxcsrMask),
        KernelRelease = Plain(s.KernelRelease),
        KernelVersion = Plain(s.KernelVersion),
        Microcode = Plain(s.Microcode),
        KvmModule = Plain(s.KvmModule),
        ModuleParameters = Plain(s.ModuleParameters),
        TscKhz = Plain(s.TscKhz),
        Vmm = Plain(s.Vmm),
        MachineTypes = Plain(s.MachineTypes),
        Behaviours = s.Behaviours.ToImmutableSortedDictionary(static b => b.Key, static b => Plain(b.Value)!, StringComparer.Ordinal),
    };

    private static Fact<T>? Plain<T>(Fact<T>? fact) => fact is null ? null : fact with { Evidence = fact.Evidence with { How = "" } };

    private static void Write<T>(DocumentWriter writer, string name, Fact<T>? fact, Action<DocumentWriter, string, T> writeValue)
        => FactFields.Write(writer, name, Extension.PlaceOf(Extension.Root, name), fact, writeValue);

    private static Fact<CpuidTable>? Cpuid(ObjectCursor root, string name) => FactFields.Read(root, name, TableRows.ReadCpuid);

    private static Fact<XFeatureMask>? XFeatures(ObjectCursor root, string name)
        => FactFields.Read(root, name, static (o, v, path, _) => new XFeatureMask(o.HexOf(v, path)));

    private static Fact<string>? Text(ObjectCursor root, string name)
        => FactFields.Read(root, name, static (o, v, path, _) => o.TextOf(v, path));

    private static DateTimeOffset? ReadDate(ObjectCursor root)
    {
        if (root.OptionalText("takenAt") is not { } text)
        {
            return null;
        }

        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date))
        {
            return date;
        }

        root.Refuse(root.Optional("takenAt")!, "$.takenAt", "a date as in 2026-11-23T06:00:00Z");
        return null;
    }

    private static ImmutableSortedDictionary<string, long> ReadCapabilities(ObjectCursor owner, JsonValue value, string path, string place)
        => ReadMap(owner, value, path, static (o, v, p) => o.IntegerOf(v, p, int.MinValue, int.MaxValue));

    private static ImmutableSortedDictionary<string, string> ReadParameters(ObjectCursor owner, JsonValue value, string path, string place)
        => ReadMap(owner, value, path, static (o, v, p) => o.TextOf(v, p));

    private static ImmutableSortedDictionary<string, T> ReadMap<T>(
        ObjectCursor owner, JsonValue value, string path, Func<ObjectCursor, JsonValue, string, T> readItem)
    {
        ImmutableSortedDictionary<string, T>.Builder map = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        ObjectCursor cursor = owner.Enter(value, path);
        foreach (JsonMember member in value.Members)
        {
            map[member.Name] = readItem(cursor, member.Value, cursor.PathOf(member.Name));
        }

        return map.ToImmutable();
    }

    private static ImmutableArray<uint> ReadIndices(ObjectCursor owner, JsonValue value, string path, string place)
        => [.. owner.Items(value, path).Select(item => (uint)owner.HexOf(item.Value, item.Path, 32)).Distinct().Order()];

    private static ImmutableArray<string> ReadTexts(ObjectCursor owner, JsonValue value, string path, string place)
        => [.. owner.Items(value, path).Select(item => owner.TextOf(item.Value, item.Path)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static MsrTable ReadMsrTable(ObjectCursor owner, JsonValue value, string path, string place)
        => MsrTable.From(Unique(TableRows.ReadMsrs(owner, value, path, place)));

    private static IEnumerable<MsrValue> Unique(IEnumerable<MsrValue> rows) => rows.DistinctBy(static row => row.Index);

    private static ImmutableSortedDictionary<string, Fact<string>> ReadBehaviours(ObjectCursor root)
        => root.Required("behaviours") is { } behaviours
            ? ReadMap(root, behaviours, "$.behaviours", static (o, v, path) => FactFields.ReadAt(
                o.Enter(v, path), Extension.PlaceOf("/behaviours", path["$.behaviours.".Length..]), static (f, value, p, _) => f.TextOf(value, p)))
            : ImmutableSortedDictionary<string, Fact<string>>.Empty;

    private static void WriteBehaviours(DocumentWriter writer, ImmutableSortedDictionary<string, Fact<string>> behaviours)
        => writer.Object("behaviours", "/behaviours", () =>
        {
            foreach ((string id, Fact<string> fact) in behaviours)
            {
                FactFields.Write(writer, id, Extension.PlaceOf("/behaviours", id), fact, WriteText);
            }
        });

    private static void WriteText(DocumentWriter writer, string place, string value) => writer.Text("value", value);

    private static void WriteXFeatures(DocumentWriter writer, string place, XFeatureMask value) => writer.Hex("value", value.Bits);

    private static void WriteCpuid(DocumentWriter writer, string place, CpuidTable value) => TableRows.WriteCpuid(writer, "value", place, value);

    private static void WriteCapabilities(DocumentWriter writer, string place, ImmutableSortedDictionary<string, long> value)
        => writer.Object("value", place, () =>
        {
            foreach ((string name, long answer) in value)
            {
                writer.Number(name, answer);
            }
        });

    private static void WriteParameters(DocumentWriter writer, string place, ImmutableSortedDictionary<string, string> value)
        => writer.Object("value", place, () =>
        {
            foreach ((string name, string text) in value)
            {
                writer.Text(name, text);
            }
        });

    private static void WriteTexts(DocumentWriter writer, string place, ImmutableArray<string> value) => writer.Strings("value", value);
}
