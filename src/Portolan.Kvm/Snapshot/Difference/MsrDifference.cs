using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Differences of the CPU's own MSRs and of the feature MSRs, bit by bit, and of the lists of MSRs.</summary>
internal static class MsrDifference
{
    public static void Compare(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        CompareValues(found, DifferenceArea.NativeMsr, "the CPU's own MSRs", MsrSide.Native(source), MsrSide.Native(destination));
        CompareValues(found, DifferenceArea.FeatureMsr, "feature MSRs", MsrSide.Shown(source), MsrSide.Shown(destination));
        CompareLists(found, "saved", source.SavedMsrs, destination.SavedMsrs);
        CompareLists(found, "feature", source.FeatureMsrIndices, destination.FeatureMsrIndices);
    }

    private static void CompareValues(List<SnapshotDifference> found, DifferenceArea area, string name, MsrSide source, MsrSide destination)
    {
        if (!source.IsKnown || !destination.IsKnown)
        {
            HostDifference.CompareWhole(found, area, name, Count(source), Count(destination));
            return;
        }

        foreach (uint index in source.Indices.Union(destination.Indices).Order())
        {
            CompareValue(found, area, index, source, destination);
        }
    }

    private static void CompareValue(List<SnapshotDifference> found, DifferenceArea area, uint index, MsrSide source, MsrSide destination)
    {
        PartlyKnownMsr? before = source.Find(index);
        PartlyKnownMsr? after = destination.Find(index);
        if (before is { } one && after is { } other)
        {
            CompareBits(found, area, one, other);
            return;
        }

        bool absent = (before is null ? source : destination).IsAbsent(index);
        string missing = absent ? "absent" : SnapshotDifference.UnknownValue;
        found.Add(new(
            area,
            !absent ? DifferenceKind.Unknown : before is null ? DifferenceKind.Gained : DifferenceKind.Lost,
            KnownMsrs.Describe(index),
            "",
            before is { } had ? Whole(had) : missing,
            after is { } has ? Whole(has) : missing) { Place = new MsrPlace(index, ulong.MaxValue) });
    }

    private static void CompareBits(List<SnapshotDifference> found, DifferenceArea area, PartlyKnownMsr before, PartlyKnownMsr after)
    {
        ulong both = before.Known & after.Known;
        ulong rest = ((before.Value ^ after.Value) & both) | (before.Known ^ after.Known);
        foreach ((ulong mask, int low, string where, string names) in FieldsOf(before.Index))
        {
            if ((rest & mask) == 0)
            {
                continue;
            }

            rest &= ~mask;
            found.Add(new(area, KindOf(before, after, mask), where, names, Text(before, mask, low), Text(after, mask, low)) { Place = new MsrPlace(before.Index, mask) });
        }

        ulong unknown = rest & ~both;
        AddNameless(found, area, before, after, rest & both);
        AddNameless(found, area, before, after, unknown);
    }

    /// <summary>How a field differs; where a side does not know all of it, what the other has there says nothing.</summary>
    private static DifferenceKind KindOf(PartlyKnownMsr before, PartlyKnownMsr after, ulong mask)
    {
        if ((before.Known & after.Known & mask) != mask)
        {
            return ((before.Value ^ after.Value) & before.Known & after.Known & mask) != 0 ? DifferenceKind.Changed : DifferenceKind.Unknown;
        }

        return !BitOperations.IsPow2(mask) ? DifferenceKind.Changed : (before.Value & mask) != 0 ? DifferenceKind.Lost : DifferenceKind.Gained;
    }

    private static void AddNameless(List<SnapshotDifference> found, DifferenceArea area, PartlyKnownMsr before, PartlyKnownMsr after, ulong bits)
    {
        if (bits != 0)
        {
            found.Add(new(
                area, KindOf(before, after, bits) == DifferenceKind.Unknown ? DifferenceKind.Unknown : DifferenceKind.Changed, KnownMsrs.Describe(before.Index), "bits without a name",
                Nameless(before, bits), Nameless(after, bits)) { Place = new MsrPlace(before.Index, bits) });
        }
    }

    private static string Nameless(PartlyKnownMsr msr, ulong bits) => (msr.Known & bits) == 0 ? SnapshotDifference.UnknownValue : Hex(msr.Value & bits);

    private static string Text(PartlyKnownMsr msr, ulong mask, int low)
    {
        ulong value = (msr.Value & mask) >> low;
        return (msr.Known & mask) != mask ? SnapshotDifference.UnknownValue : BitOperations.IsPow2(mask) ? Decimal(value) : Hex(value);
    }

    private static string Whole(PartlyKnownMsr msr)
        => msr.Known == ulong.MaxValue ? Hex(msr.Value) : string.Create(CultureInfo.InvariantCulture, $"0x{msr.Value:x}, {BitOperations.PopCount(msr.Known)} bits known");

    private static IEnumerable<(ulong Mask, int Low, string Where, string Names)> FieldsOf(uint index)
    {
        if (VmxCapabilityField.Of(index) is { Count: > 0 } vmx)
        {
            return vmx.Select(field => (field.Mask, field.Low, field.Where, field.Names));
        }

        return (KnownMsrs.Find(index)?.Bits ?? []).Select(static bits => (bits.Mask, bits.Low, bits.Place(), bits.Names()));
    }

    private static void CompareLists(List<SnapshotDifference> found, string list, Fact<ImmutableArray<uint>>? source, Fact<ImmutableArray<uint>>? destination)
    {
        if (source is null || destination is null)
        {
            HostDifference.CompareWhole(
                found, DifferenceArea.MsrList, $"list of {list} MSRs", Length(source), Length(destination));
            return;
        }

        foreach (uint index in source.Value.Union(destination.Value).Order())
        {
            bool before = source.Value.Contains(index);
            bool after = destination.Value.Contains(index);
            if (before != after)
            {
                // A list that another tool recorded may leave MSRs out; against a measured one its silence says nothing.
                bool comparable = source.Evidence.Quality == destination.Evidence.Quality
                    || (before ? destination : source).Evidence.Quality == EvidenceQuality.Measured;
                string missing = comparable ? "absent" : SnapshotDifference.UnknownValue;
                found.Add(new(
                    DifferenceArea.MsrList,
                    !comparable ? DifferenceKind.Unknown : before ? DifferenceKind.Lost : DifferenceKind.Gained,
                    KnownMsrs.Describe(index),
                    "",
                    before ? list : missing,
                    after ? list : missing) { Place = new MsrListPlace(index, list == "feature") });
            }
        }
    }

    private static string? Count(MsrSide side) => side.IsKnown ? string.Create(CultureInfo.InvariantCulture, $"{side.Indices.Length} known") : null;

    private static string? Length(Fact<ImmutableArray<uint>>? fact)
        => fact is null ? null : string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Length} MSRs");

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Decimal(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
