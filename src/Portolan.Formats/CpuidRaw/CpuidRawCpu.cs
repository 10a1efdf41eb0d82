using System.Globalization;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.CpuidRaw;

/// <summary>One CPU of a dump.</summary>
/// <param name="number">Its number, or null where the dump has one CPU only.</param>
internal sealed class CpuidRawCpu(int? number)
{
    // The leaves whose answer depends on ECX (KVM_CPUID_FLAG_SIGNIFCANT_INDEX in arch/x86/kvm/cpuid.c, SDM vol. 2A CPUID, APM vol. 3 E.3-4).
    private static readonly HashSet<uint> IndexedLeaves =
    [
        0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24,
        0x8000_001d, 0x8000_0020, 0x8000_0026,
    ];

    private readonly Dictionary<CpuidAddress, CpuidValues> _rows = [];
    private readonly HashSet<uint> _indexed = [];

    public int? Number => number;

    public bool IsEmpty => _rows.Count == 0;

    public bool TryAdd(CpuidAddress address, CpuidValues values)
    {
        if (address.Subleaf != 0)
        {
            _indexed.Add(address.Leaf);
        }

        return _rows.TryAdd(address, values);
    }

    public CpuidTable Table() => CpuidTable.From(
        _rows.Select(row => new CpuidEntry(row.Key, IndexedLeaves.Contains(row.Key.Leaf) || _indexed.Contains(row.Key.Leaf), row.Value)));

    public override string ToString() => number is { } n ? string.Create(CultureInfo.InvariantCulture, $"CPU {n}") : "the CPU";
}
