using System.Collections.Immutable;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>What one release makes of the MSR lists and feature MSRs that were seen otherwise.</summary>
/// <param name="target">The release.</param>
/// <param name="conditions">What decides there.</param>
/// <param name="changes">Does a row say anything else than where the lists were seen?</param>
internal sealed class MsrPrediction(Exposure target, Conditions conditions, Func<ExposureRow, bool> changes)
{
    private static readonly (string Name, ExposureRow[] Rows)[] CapabilityRows =
        [.. ExposureTable.All.Where(static row => row.Kind == ExposureKind.Capability).GroupBy(static row => row.Subject).Select(static rows => (rows.Key, rows.ToArray()))];

    /// <summary>
    /// The list with what the target adds and without what it drops; null where an MSR that the two treat differently cannot be
    /// decided, for a list cannot say "perhaps".
    /// </summary>
    internal ImmutableArray<uint>? List(ExposureKind kind, ImmutableArray<uint> seen)
    {
        SortedSet<uint> list = [.. seen];
        foreach (IGrouping<uint, ExposureRow> rows in ExposureTable.All.Where(row => row.Kind == kind).GroupBy(row => row.Number))
        {
            if (SameRows(rows))
            {
                continue;
            }

            switch (Any(rows))
            {
                case null:
                    return null;
                case true:
                    list.Add(rows.Key);
                    break;
                default:
                    list.Remove(rows.Key);
                    break;
            }
        }

        return [.. list];
    }

    /// <summary>The maxima of the feature MSRs; an MSR of which a bit cannot be decided is left out.</summary>
    internal MsrTable Values(MsrTable seen)
    {
        List<MsrValue> values = [];
        ImmutableArray<uint>? listed = List(ExposureKind.FeatureMsr, [.. seen.Select(msr => msr.Index)]);
        foreach (MsrValue msr in seen.Where(msr => listed is null || listed.Value.Contains(msr.Index)))
        {
            if (Value(msr) is { } value)
            {
                values.Add(new MsrValue(msr.Index, value));
            }
        }

        return MsrTable.From(values);
    }

    /// <summary>The capabilities that were asked; one that the target answers in a way that no row decides is left out.</summary>
    internal ImmutableSortedDictionary<string, long> Capabilities(ImmutableSortedDictionary<string, long> seen, uint? xsaveSize)
    {
        foreach ((string name, long _) in seen)
        {
            ExposureRow[] rows = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.Capability && row.Subject == name)];
            if (!SameRows(rows) || rows.Any(row => row.Rule == ExposureRule.Xsave2 && target.Contains(row)))
            {
                seen = Capability(rows, xsaveSize) is { } value ? seen.SetItem(name, value) : seen.Remove(name);
            }
        }

        return seen;
    }

    /// <summary>The capabilities that rows decide, where none was asked.</summary>
    internal ImmutableSortedDictionary<string, long> Capabilities(uint? xsaveSize)
    {
        ImmutableSortedDictionary<string, long>.Builder known = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach ((string name, ExposureRow[] rows) in CapabilityRows)
        {
            if (Capability(rows, xsaveSize) is { } value)
            {
                known.Add(name, value);
            }
        }

        return known.ToImmutable();
    }

    private const long SmallestImage = 4096;

    /// <summary>What the first row answers whose conditions hold; 0 where those of none do, null where one that decides is not known.</summary>
    private long? Capability(IReadOnlyList<ExposureRow> rows, uint? xsaveSize)
        => rows.FirstOrDefault(row => target.Contains(row) && conditions.Hold(row) is not false) is not { } row ? 0
            : conditions.Hold(row) is null ? null
            : row.Rule switch
            {
                ExposureRule.Const => (long)row.Operand,
                ExposureRule.Xsave2 => xsaveSize is { } size ? Math.Max(size, SmallestImage) : null,
                _ => null,
            };

    private ulong? Value(MsrValue msr)
    {
        ulong value = msr.Value;
        foreach (IGrouping<int, ExposureRow> rows in ExposureTable.All.Where(row => row.Kind == ExposureKind.MsrBit && row.Number == msr.Index).GroupBy(row => row.Bit))
        {
            int bit = rows.Key;
            if (SameRows(rows))
            {
                continue;
            }

            bool? shown = Any(rows, row => row.Rule == ExposureRule.Host ? conditions.Hardware.MsrBit(msr.Index, bit) : row.Rule == ExposureRule.Set ? true : null);
            if (shown is null)
            {
                return null;
            }

            value = shown.Value ? value | 1UL << bit : value & ~(1UL << bit);
        }

        return value;
    }

    private bool SameRows(IEnumerable<ExposureRow> rows) => !rows.Any(changes);

    private bool? Any(IEnumerable<ExposureRow> rows) => Any(rows, row => row.Rule == ExposureRule.Unknown ? null : true);

    private bool? Any(IEnumerable<ExposureRow> rows, Func<ExposureRow, bool?> shows)
    {
        bool? any = false;
        foreach (ExposureRow row in rows.Where(target.Contains))
        {
            bool? one = conditions.Hold(row) switch
            {
                false => false,
                true => shows(row),
                null => shows(row) == false ? false : null,
            };
            if (one == true)
            {
                return true;
            }

            any = one is null ? null : any;
        }

        return any;
    }
}
