using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Differences of the feature MSRs, bit by bit, and of the lists of MSRs.</summary>
internal static class MsrDifference
{
    public static void Compare(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        uint[] before = Indices(source);
        uint[] after = Indices(destination);
        if (IsKnown(source) && IsKnown(destination))
        {
            foreach (uint index in before.Union(after).Order())
            {
                CompareValue(found, index, source, destination);
            }
        }
        else
        {
            HostDifference.CompareWhole(
                found, DifferenceArea.FeatureMsr, "feature MSRs", IsKnown(source) ? Count(before.Length) : null, IsKnown(destination) ? Count(after.Length) : null);
        }

        CompareLists(found, "saved", source.SavedMsrs, destination.SavedMsrs);
        CompareLists(found, "feature", source.FeatureMsrIndices, destination.FeatureMsrIndices);
    }

    private static void CompareValue(List<SnapshotDifference> found, uint index, HostSnapshot source, HostSnapshot destination)
    {
        PartlyKnownMsr? before = PartlyKnownMsr.Find(source, index);
        PartlyKnownMsr? after = PartlyKnownMsr.Find(destination, index);
        if (before is { } one && after is { } other)
        {
            CompareBits(found, one, other);
            return;
        }

        // A feature MSR that is not in a known list is absent; where the list itself is unknown, so is the MSR.
        HostSnapshot without = before is null ? source : destination;
        bool absent = without.FeatureMsrIndices is { } list && !list.Value.Contains(index);
        string missing = absent ? "absent" : SnapshotDifference.UnknownValue;
        found.Add(new(
            DifferenceArea.FeatureMsr,
            !absent ? DifferenceKind.Unknown : before is null ? DifferenceKind.Gained : DifferenceKind.Lost,
            KnownMsrs.Describe(index),
            "",
            before is { } had ? Whole(had) : missing,
            after is { } has ? Whole(has) : missing) { Place = new MsrPlace(index, ulong.MaxValue) });
    }

    private static void CompareBits(List<SnapshotDifference> found, PartlyKnownMsr before, PartlyKnownMsr after)
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
            found.Add(new(
                DifferenceArea.FeatureMsr, KindOf(before, after, mask), where, names, Text(before, mask, low), Text(after, mask, low)) { Place = new MsrPlace(before.Index, mask) });
        }

        ulong unknown = rest & ~both;
        AddNameless(found, before, after, rest & both);
        AddNameless(found, before, after, unknown);
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

    private static void AddNameless(List<SnapshotDifference> found, PartlyKnownMsr before, PartlyKnownMsr after, ulong bits)
    {
        if (bits != 0)
        {
            found.Add(new(
                DifferenceArea.FeatureMsr, KindOf(before, after, bits) == DifferenceKind.Unknown ? DifferenceKind.Unknown : DifferenceKind.Changed, KnownMsrs.Describe(before.Index), "bits without a name",
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

    private static bool IsKnown(HostSnapshot host) => host.FeatureMsrs is not null || host.PartlyKnownFeatureMsrs is not null;

    private static uint[] Indices(HostSnapshot host)
        => [.. (host.FeatureMsrs?.Value ?? MsrTable.Empty).Select(static msr => msr.Index).Union(PartlyKnownMsr.Of(host).Select(static msr => msr.Index))];

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

    private static string Count(int msrs) => string.Create(CultureInfo.InvariantCulture, $"{msrs} known");

    private static string? Length(Fact<ImmutableArray<uint>>? fact)
        => fact is null ? null : string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Length} MSRs");

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Decimal(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
