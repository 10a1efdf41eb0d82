using System.Runtime.InteropServices;
using Portolan.Formats.RecordedCpus;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Formats;

/// <summary>A CPUID table of which a format tells single bits: what is not set here is unknown.</summary>
internal sealed class KnownCpuid
{
    private readonly Dictionary<CpuidAddress, (CpuidValues Values, CpuidValues Known)> _rows = [];

    /// <summary>Sets the bits of <paramref name="known"/> in a register.</summary>
    public void Set(uint leaf, uint subleaf, CpuidRegister register, uint value, uint known)
    {
        ref (CpuidValues Values, CpuidValues Known) row = ref CollectionsMarshal.GetValueRefOrAddDefault(_rows, new CpuidAddress(leaf, subleaf), out _);
        (CpuidValues values, CpuidValues bits) = row;
        row = (values.With(register, (values[register] & ~known) | (value & known)), bits.With(register, bits[register] | known));
    }

    /// <summary>Sets a field.</summary>
    public void Set(CpuidFeature feature, uint value)
        => Set(feature.Address.Leaf, feature.Address.Subleaf, feature.Register, feature.Insert(0, value), feature.RegisterMask);

    /// <summary>The bits; those that are not known are 0.</summary>
    public CpuidTable Table() => CpuidTable.From(_rows.Select(static row => Entry(row.Key, row.Value.Values)));

    /// <summary>The masks of the bits that are not known, of every leaf of the table; null where all are known.</summary>
    public CpuidTable? Unknown()
    {
        CpuidTable unknown = CpuidTable.From(_rows
            .Select(static row => Entry(row.Key, row.Value.Known is var known ? new(~known.Eax, ~known.Ebx, ~known.Ecx, ~known.Edx) : default))
            .Where(static row => row.Values != default));
        return unknown.Count == 0 ? null : unknown;
    }

    private static CpuidEntry Entry(CpuidAddress place, CpuidValues values) => new(place, RecordedLeaves.IsIndexed(place.Leaf), values);
}
