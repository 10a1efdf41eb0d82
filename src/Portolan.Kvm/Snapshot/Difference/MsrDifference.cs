using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Differences of the feature MSRs, bit by bit, and of the lists of MSRs.</summary>
internal static class MsrDifference
{
    public static void Compare(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        if (source.FeatureMsrs is { } before && destination.FeatureMsrs is { } after)
        {
            foreach (uint index in before.Value.Select(static msr => msr.Index).Union(after.Value.Select(static msr => msr.Index)).Order())
            {
                CompareValue(found, index, source, destination);
            }
        }
        else
        {
            HostDifference.CompareWhole(found, DifferenceArea.FeatureMsr, "feature MSRs", Count(source.FeatureMsrs), Count(destination.FeatureMsrs));
        }

        CompareLists(found, "saved", source.SavedMsrs, destination.SavedMsrs);
        CompareLists(found, "feature", source.FeatureMsrIndices, destination.FeatureMsrIndices);
    }

    private static void CompareValue(List<SnapshotDifference> found, uint index, HostSnapshot source, HostSnapshot destination)
    {
        bool hasBefore = source.FeatureMsrs!.Value.TryGet(index, out ulong before);
        bool hasAfter = destination.FeatureMsrs!.Value.TryGet(index, out ulong after);
        if (hasBefore && hasAfter)
        {
            CompareBits(found, index, before, after);
            return;
        }

        // A feature MSR that is not in a known list is absent; where the list itself is unknown, so is the MSR.
        HostSnapshot without = hasBefore ? destination : source;
        bool absent = without.FeatureMsrIndices is { } list && !list.Value.Contains(index);
        string missing = absent ? "absent" : SnapshotDifference.UnknownValue;
        found.Add(new(
            DifferenceArea.FeatureMsr,
            !absent ? DifferenceKind.Unknown : hasBefore ? DifferenceKind.Lost : DifferenceKind.Gained,
            KnownMsrs.Describe(index),
            "",
            hasBefore ? Hex(before) : missing,
            hasAfter ? Hex(after) : missing) { Place = new MsrPlace(index, ulong.MaxValue) });
    }

    private static void CompareBits(List<SnapshotDifference> found, uint index, ulong before, ulong after)
    {
        ulong rest = before ^ after;
        foreach ((ulong mask, int low, string where, string names) in FieldsOf(index))
        {
            if ((rest & mask) == 0)
            {
                continue;
            }

            rest &= ~mask;
            bool isBit = System.Numerics.BitOperations.IsPow2(mask);
            (ulong a, ulong b) = ((before & mask) >> low, (after & mask) >> low);
            found.Add(new(
                DifferenceArea.FeatureMsr,
                !isBit ? DifferenceKind.Changed : a > b ? DifferenceKind.Lost : DifferenceKind.Gained,
                where,
                names,
                isBit ? Decimal(a) : Hex(a),
                isBit ? Decimal(b) : Hex(b)) { Place = new MsrPlace(index, mask) });
        }

        if (rest != 0)
        {
            found.Add(new(DifferenceArea.FeatureMsr, DifferenceKind.Changed, KnownMsrs.Describe(index), "bits without a name", Hex(before & rest), Hex(after & rest)) { Place = new MsrPlace(index, rest) });
        }
    }

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

    private static string? Count(Fact<MsrTable>? fact) => fact is null ? null : string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Count} known");

    private static string? Length(Fact<ImmutableArray<uint>>? fact)
        => fact is null ? null : string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Length} MSRs");

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Decimal(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
