using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Documents.Json;

/// <summary>CPUID tables and MSR tables as arrays of one-line objects.</summary>
internal static class TableRows
{
    private const string DuplicateAdvice = "remove one of the two rows";

    public static void WriteCpuid(DocumentWriter writer, string name, string place, CpuidTable table)
    {
        writer.Json.WriteStartArray(name);
        foreach (CpuidEntry entry in table)
        {
            (CpuidAddress at, CpuidValues values) = (entry.Address, entry.Values);
            writer.Row(
                RowPlace(place, at),
                ("leaf", Quote(HexText.Of(at.Leaf))),
                ("subleaf", Quote(HexText.Of(at.Subleaf))),
                ("significant", entry.SubleafIsSignificant ? "true" : "false"),
                ("eax", Quote(HexText.Of32(values.Eax))),
                ("ebx", Quote(HexText.Of32(values.Ebx))),
                ("ecx", Quote(HexText.Of32(values.Ecx))),
                ("edx", Quote(HexText.Of32(values.Edx))));
        }

        writer.Json.WriteEndArray();
    }

    public static CpuidTable ReadCpuid(ObjectCursor owner, JsonValue? array, string path, string place)
    {
        SortedDictionary<CpuidAddress, CpuidEntry> rows = [];
        foreach ((JsonValue value, string rowPath) in owner.Items(array, path))
        {
            ObjectCursor row = owner.Enter(value, rowPath);
            CpuidAddress address = new(row.Hex32("leaf"), row.Hex32("subleaf"));
            CpuidEntry entry = new(
                address,
                row.Flag("significant"),
                new CpuidValues(row.Hex32("eax"), row.Hex32("ebx"), row.Hex32("ecx"), row.Hex32("edx")));
            row.Finish(RowPlace(place, address));
            if (!rows.TryAdd(address, entry))
            {
                row.Refuse(value.Offset, rowPath, "each leaf and subleaf once", $"{address} a second time", DuplicateAdvice);
            }
        }

        return CpuidTable.From(rows.Values);
    }

    public static void WriteMsrs(DocumentWriter writer, string name, string place, IEnumerable<MsrValue> values)
    {
        writer.Json.WriteStartArray(name);
        foreach (MsrValue msr in values)
        {
            writer.Row(
                Extension.PlaceOf(place, HexText.Of(msr.Index)),
                ("index", Quote(HexText.Of(msr.Index))),
                ("value", Quote(HexText.Of(msr.Value))));
        }

        writer.Json.WriteEndArray();
    }

    /// <summary>The rows in the order written; no index twice.</summary>
    public static IReadOnlyList<MsrValue> ReadMsrs(ObjectCursor owner, JsonValue? array, string path, string place)
    {
        List<MsrValue> rows = [];
        HashSet<uint> seen = [];
        foreach ((JsonValue value, string rowPath) in owner.Items(array, path))
        {
            ObjectCursor row = owner.Enter(value, rowPath);
            MsrValue msr = new(row.Hex32("index"), row.Hex("value"));
            row.Finish(Extension.PlaceOf(place, HexText.Of(msr.Index)));
            if (!seen.Add(msr.Index))
            {
                RefuseTwice(row, value, rowPath, msr.Index);
            }

            rows.Add(msr);
        }

        return rows;
    }

    public static void WritePartlyKnownMsrs(DocumentWriter writer, string name, string place, IEnumerable<PartlyKnownMsr> values)
    {
        writer.Json.WriteStartArray(name);
        foreach (PartlyKnownMsr msr in values)
        {
            writer.Row(
                Extension.PlaceOf(place, HexText.Of(msr.Index)),
                ("index", Quote(HexText.Of(msr.Index))),
                ("value", Quote(HexText.Of(msr.Value))),
                ("known", Quote(HexText.Of(msr.Known))));
        }

        writer.Json.WriteEndArray();
    }

    /// <summary>The rows by index; no index twice, no bit set that is not known.</summary>
    public static ImmutableArray<PartlyKnownMsr> ReadPartlyKnownMsrs(ObjectCursor owner, JsonValue? array, string path, string place)
    {
        SortedDictionary<uint, PartlyKnownMsr> rows = [];
        foreach ((JsonValue value, string rowPath) in owner.Items(array, path))
        {
            ObjectCursor row = owner.Enter(value, rowPath);
            (uint index, ulong bits, ulong known) = (row.Hex32("index"), row.Hex("value"), row.Hex("known"));
            row.Finish(Extension.PlaceOf(place, HexText.Of(index)));
            if ((bits & ~known) != 0)
            {
                row.Refuse(value.Offset, rowPath, "no bit in 'value' that is not in 'known'", HexText.Of(bits & ~known), "set the bits in 'known', or clear them in 'value'");
            }

            if (!rows.TryAdd(index, new(index, bits, known)))
            {
                RefuseTwice(row, value, rowPath, index);
            }
        }

        return [.. rows.Values];
    }

    private static void RefuseTwice(ObjectCursor row, JsonValue value, string path, uint index)
        => row.Refuse(value.Offset, path, "each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time"), DuplicateAdvice);

    private static string RowPlace(string place, CpuidAddress at)
        => Extension.PlaceOf(place, $"{HexText.Of(at.Leaf)}.{HexText.Of(at.Subleaf)}");

    private static string Quote(string plain) => $"\"{plain}\"";
}
