using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>Reads and writes named fields of a CPUID table.</summary>
public static class CpuidTableFeatures
{
    /// <summary>
    /// The field's value in its (first) subleaf; 0 where the table has no such row. A paravirtual field is found through the
    /// signature, and is 0 where that is not there.
    /// </summary>
    public static uint Value(this CpuidTable table, CpuidFeature feature)
        => Value(table, feature, feature?.Address.Subleaf ?? 0);

    /// <summary>The field's value in one of its subleaves; 0 where the table has no such row.</summary>
    public static uint Value(this CpuidTable table, CpuidFeature feature, uint subleaf)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(feature);
        return HypervisorLeaves.BaseOf(table, feature.Space) is uint start
            ? feature.ValueIn(table.GetOrZero(start + feature.Address.Leaf, subleaf))
            : 0;
    }

    /// <summary>Is the bit set, or the number not 0?</summary>
    public static bool Has(this CpuidTable table, CpuidFeature feature) => Value(table, feature) != 0;

    /// <summary>Does the table promise the feature with our name?</summary>
    /// <exception cref="ArgumentException">The table of features has no such name.</exception>
    public static bool Has(this CpuidTable table, string feature) => Value(table, FeatureTable.Get(feature)) != 0;

    /// <summary>
    /// The same table with the field set; a row that is not there is added. A paravirtual field stays as it is where the
    /// signature is not in the table. What depends on the field is not touched.
    /// </summary>
    public static CpuidTable WithValue(this CpuidTable table, CpuidFeature feature, uint value)
        => WithValue(table, feature, feature?.Address.Subleaf ?? 0, value);

    /// <summary>The same table with the field of one subleaf set.</summary>
    public static CpuidTable WithValue(this CpuidTable table, CpuidFeature feature, uint subleaf, uint value)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(feature);
        if (HypervisorLeaves.BaseOf(table, feature.Space) is not uint start)
        {
            return table;
        }

        uint leaf = start + feature.Address.Leaf;
        CpuidValues values = table.GetOrZero(leaf, subleaf);
        uint register = feature.Insert(values[feature.Register], value);
        return register == values[feature.Register] ? table : table.With(leaf, subleaf, values.With(feature.Register, register));
    }

    /// <summary>The same table with every field that KVM rewrites at run time cleared (contract C4), for comparison.</summary>
    public static CpuidTable WithoutRunTimeFields(this CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CpuidTable masked = table;
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            if (feature.VariesAtRunTime)
            {
                masked = masked.WithValue(feature, 0);
            }
        }

        return masked;
    }
}
