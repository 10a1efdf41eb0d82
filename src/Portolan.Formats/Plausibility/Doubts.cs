using Portolan.X86.Cpuid;

namespace Portolan.Formats.Plausibility;

/// <summary>A CPUID table, what is known of it, and the bits that turn out not to be believable: those become unknown.</summary>
/// <param name="name">The table as a remark calls it.</param>
/// <param name="table">The values.</param>
/// <param name="unknown">The bits that were unknown before.</param>
/// <param name="isPartial">Is an absent leaf unknown?</param>
internal sealed class Doubts(string name, CpuidTable table, CpuidTable? unknown, bool isPartial)
{
    public static readonly CpuidValues Everything = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);

    /// <summary>The table as a remark calls it.</summary>
    public string Name => name;

    /// <summary>The values; bits that are no longer believed are 0.</summary>
    public CpuidTable Table { get; private set; } = table;

    /// <summary>The bits that are not known; null where all are.</summary>
    public CpuidTable? Unknown { get; private set; } = unknown;

    /// <summary>Was anything doubted?</summary>
    public bool Any { get; private set; }

    /// <summary>The bits of a register that are known.</summary>
    public uint Known(CpuidAddress place, CpuidRegister register)
        => Unknown?.GetOrZero(place.Leaf, place.Subleaf)[register] is { } open ? ~open & (IsThere(place) ? uint.MaxValue : 0) : IsThere(place) ? uint.MaxValue : 0;

    /// <summary>Is a row known in whole?</summary>
    public bool KnowsRow(CpuidAddress place) => IsThere(place) && (Unknown?.GetOrZero(place.Leaf, place.Subleaf) ?? default) == default;

    /// <summary>Makes bits of a row unknown.</summary>
    public void Doubt(CpuidAddress place, CpuidValues bits)
    {
        Any = true;
        CpuidValues open = (Unknown ?? CpuidTable.Empty).GetOrZero(place.Leaf, place.Subleaf);
        CpuidValues values = Table.GetOrZero(place.Leaf, place.Subleaf);
        Unknown = (Unknown ?? CpuidTable.Empty).With(Row(place, new(open.Eax | bits.Eax, open.Ebx | bits.Ebx, open.Ecx | bits.Ecx, open.Edx | bits.Edx)));
        Table = Table.With(Row(place, new(values.Eax & ~bits.Eax, values.Ebx & ~bits.Ebx, values.Ecx & ~bits.Ecx, values.Edx & ~bits.Edx)));
    }

    private bool IsThere(CpuidAddress place) => !isPartial || Table.TryGet(place.Leaf, place.Subleaf, out _);

    private CpuidEntry Row(CpuidAddress place, CpuidValues values)
        => new(place, Table.Any(row => row.Address.Leaf == place.Leaf && row.SubleafIsSignificant) || place.Subleaf != 0, values);
}
