using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.RecordedCpus;

/// <summary>One logical CPU of a dump.</summary>
/// <param name="number">Its number, or null where the dump does not number it.</param>
internal sealed class RecordedCpu(int? number)
{
    private readonly List<CpuidEntry> _rows = [];
    private readonly List<MsrValue> _msrs = [];
    private Dictionary<CpuidAddress, CpuidValues>? _places; // only once a row comes out of order
    private CpuidTable? _table;
    private MsrTable? _msrTable;

    public int? Number => number;

    public bool IsEmpty => _rows.Count == 0;

    /// <summary>Adds a row; false where its place is taken, by the same values or by others.</summary>
    public bool TryAdd(CpuidAddress address, CpuidValues values, out bool same)
    {
        same = false;
        if (_rows.Count > 0 && (_places is not null || address.CompareTo(_rows[^1].Address) <= 0))
        {
            _places ??= _rows.ToDictionary(static row => row.Address, static row => row.Values);
            if (!_places.TryAdd(address, values))
            {
                same = _places[address] == values;
                return false;
            }
        }

        _table = null;
        _rows.Add(new CpuidEntry(address, RecordedLeaves.IsIndexed(address.Leaf), values));
        return true;
    }

    /// <summary>Adds an MSR that enumerates what the CPU can do; others are no facts of it. What is read again later counts for nothing.</summary>
    public void AddMsr(uint index, ulong value)
    {
        if (KnownMsrs.Find(index) is { Kind: MsrKind.Feature or MsrKind.VmxCapability } && !TryMsr(index, out _))
        {
            _msrTable = null;
            _msrs.Add(new MsrValue(index, value));
        }
    }

    public bool TryMsr(uint index, out ulong value)
    {
        int at = _msrs.FindIndex(msr => msr.Index == index);
        value = at < 0 ? 0 : _msrs[at].Value;
        return at >= 0;
    }

    /// <summary>The MSRs that enumerate what the CPU can do.</summary>
    public MsrTable FeatureMsrs() => _msrs.Count == 0 ? MsrTable.Empty : _msrTable ??= MsrTable.From(_msrs);

    public CpuidTable Table() => _table ??= CpuidTable.From(RecordedLeaves.WithIndexes(_rows));

    public override string ToString() => number is { } n ? string.Create(CultureInfo.InvariantCulture, $"CPU {n}") : "the CPU";
}
