using System.Buffers.Binary;
using System.Text;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Named;

/// <summary>
/// A CPU of which a tool tells features by name: the bits it told, and that nothing is known of the others. What was told first
/// stays; the opposite told later is a contradiction.
/// </summary>
internal sealed class NamedCpu
{
    private const int Registers = 4;
    private const string RepeatsLeaf1 = "repeats leaf 1";
    private static readonly (CpuidFeature Repeated, CpuidFeature Original)[] Repeated =
        [.. FeatureTable.All.ToArray().Where(static feature => feature.Note == RepeatsLeaf1).Select(static feature => (feature, FeatureTable.Get(feature.Name["amd-".Length..])))];

    private readonly Dictionary<CpuidAddress, (uint[] Values, uint[] Known)> _cpuid = [];
    private readonly SortedDictionary<uint, (ulong Value, ulong Known)> _msrs = [];
    private readonly SortedDictionary<VmxControlGroup, (ulong Value, ulong Known)> _vmx = [];
    private readonly SortedSet<string> _contradictions = new(StringComparer.Ordinal);

    /// <summary>Names that were told both ways.</summary>
    public IReadOnlyCollection<string> Contradictions => _contradictions;

    /// <summary>Is anything known?</summary>
    public bool IsEmpty => _cpuid.Count == 0;

    /// <summary>Was anything of KVM's paravirtual leaf told to be there?</summary>
    public bool ShowsKvm => _cpuid.Any(static row => HypervisorLeaves.Owns(row.Key.Leaf) && row.Value.Values.Any(static value => value != 0));

    /// <summary>Tells whether the CPU has what a name stands for.</summary>
    public void Tell(string name, NamedPlaces places, bool has)
    {
        foreach (CpuidFeature feature in places.Cpuid)
        {
            if (!Learn(feature, feature.Address.Subleaf, has ? 1u : 0u))
            {
                _contradictions.Add(name);
            }
        }

        foreach (MsrBits bits in places.Msr)
        {
            Learn(_msrs, bits.Msr, bits.Mask, has, name);
        }

        // A property of two bits is off where either of them is 0.
        foreach (VmxControl control in has || places.Vmx.Length == 1 ? places.Vmx : [])
        {
            Learn(_vmx, control.Group, control.Mask, has, name);
        }
    }

    /// <summary>Tells a field's value; false where another was told before.</summary>
    public bool Tell(string feature, uint value)
    {
        CpuidFeature field = FeatureTable.Get(feature);
        return Learn(field, field.Address.Subleaf, value);
    }

    /// <summary>Tells the vendor, 12 letters.</summary>
    public void TellVendor(string vendor)
    {
        byte[] letters = new byte[12];
        _ = Encoding.ASCII.GetBytes(vendor.AsSpan(0, Math.Min(vendor.Length, letters.Length)), letters);
        Learn(new(0, 0), CpuidRegister.Ebx, BinaryPrimitives.ReadUInt32LittleEndian(letters), uint.MaxValue);
        Learn(new(0, 0), CpuidRegister.Edx, BinaryPrimitives.ReadUInt32LittleEndian(letters.AsSpan(4)), uint.MaxValue);
        Learn(new(0, 0), CpuidRegister.Ecx, BinaryPrimitives.ReadUInt32LittleEndian(letters.AsSpan(8)), uint.MaxValue);
    }

    /// <summary>Tells the signature as the manuals display it.</summary>
    public void TellSignature(uint family, uint model, uint stepping)
    {
        uint baseFamily = Math.Min(family, 0xf);
        uint signature = (family - baseFamily) << 20 | (model >> 4 & 0xf) << 16 | baseFamily << 8 | (model & 0xf) << 4 | (stepping & 0xf);
        Learn(new(1, 0), CpuidRegister.Eax, signature, 0x0fff_0fff);
    }

    /// <summary>Tells a whole register, or some bits of it; what is known stays.</summary>
    public bool Learn(CpuidAddress address, CpuidRegister register, uint value, uint mask)
    {
        if (!_cpuid.TryGetValue(address, out (uint[] Values, uint[] Known) row))
        {
            _cpuid.Add(address, row = (new uint[Registers], new uint[Registers]));
        }

        uint known = row.Known[(int)register];
        bool agrees = ((row.Values[(int)register] ^ value) & known & mask) == 0;
        row.Values[(int)register] |= value & mask & ~known;
        row.Known[(int)register] = known | mask;
        return agrees;
    }

    /// <summary>What AMD's leaf 80000001H repeats of leaf 1 (APM vol. 3, E.4.2), and that other vendors' has nothing there.</summary>
    public void RepeatLeaf1(bool amd)
    {
        foreach ((CpuidFeature feature, CpuidFeature original) in Repeated)
        {
            if (!amd)
            {
                Learn(feature, 0, 0);
            }
            else if (Known(original) is { } has)
            {
                Learn(feature, 0, has ? 1u : 0u);
            }
        }
    }

    /// <summary>Is the bit set; null where it is not known.</summary>
    public bool? Known(CpuidFeature feature)
    {
        uint start = HypervisorLeaves.UsualBase(feature.Space);
        return _cpuid.TryGetValue(new(start + feature.Address.Leaf, feature.Address.Subleaf), out (uint[] Values, uint[] Known) row)
            && (row.Known[(int)feature.Register] & feature.RegisterMask) == feature.RegisterMask
            ? (row.Values[(int)feature.Register] & feature.RegisterMask) != 0
            : null;
    }

    /// <summary>The values, and the mask of what is not known in their leaves; null where all is.</summary>
    public (CpuidTable Values, CpuidTable? Unknown) ToTables()
    {
        List<CpuidEntry> values = [];
        List<CpuidEntry> unknown = [];
        foreach ((CpuidAddress address, (uint[] value, uint[] known)) in _cpuid)
        {
            bool indexed = CpuidLeaves.SubleafIsSignificant(address.Leaf);
            values.Add(new(address, indexed, new(value[0], value[1], value[2], value[3])));
            CpuidValues mask = new(~known[0], ~known[1], ~known[2], ~known[3]);
            if (mask != default)
            {
                unknown.Add(new(address, indexed, mask));
            }
        }

        return (CpuidTable.From(values), unknown.Count == 0 ? null : CpuidTable.From(unknown));
    }

    /// <summary>How many bits are known, of CPUID and of MSRs together.</summary>
    public int CountBits() => _cpuid.Values.Sum(static row => row.Known.Sum(static known => System.Numerics.BitOperations.PopCount(known)))
        + _msrs.Values.Sum(static row => System.Numerics.BitOperations.PopCount(row.Known))
        + _vmx.Values.Sum(static row => System.Numerics.BitOperations.PopCount(row.Known));

    /// <summary>What is known of the feature MSRs outside VMX: the value and which bits of it are known.</summary>
    public IReadOnlyDictionary<uint, (ulong Value, ulong Known)> Msrs => _msrs;

    /// <summary>What is known of the VMX controls: which may be switched, and of which that is known.</summary>
    public IReadOnlyDictionary<VmxControlGroup, (ulong Value, ulong Known)> Vmx => _vmx;

    private bool Learn(CpuidFeature feature, uint subleaf, uint value)
        => Learn(new(HypervisorLeaves.UsualBase(feature.Space) + feature.Address.Leaf, subleaf), feature.Register, feature.Insert(0, value), feature.RegisterMask);

    private void Learn<TKey>(SortedDictionary<TKey, (ulong Value, ulong Known)> places, TKey place, ulong mask, bool has, string name)
        where TKey : notnull
    {
        (ulong value, ulong known) = places.GetValueOrDefault(place);
        if ((known & mask) != 0 && (value & mask) != 0 != has)
        {
            _contradictions.Add(name);
            return;
        }

        places[place] = (has ? value | mask : value, known | mask);
    }
}
