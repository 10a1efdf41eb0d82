using System.Buffers.Binary;
using System.Text;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Named;

/// <summary>
/// A CPU of which a tool tells features by name: the bits it told, and that nothing is known of the others. What was told first
/// stays; the opposite told later is a contradiction.
/// </summary>
internal sealed class NamedCpu
{
    private const string RepeatsLeaf1 = "repeats leaf 1";
    private static readonly int Groups = Enum.GetValues<VmxControlGroup>().Length;
    private static readonly (CpuidFeature Repeated, CpuidFeature Original)[] Repeated =
        [.. FeatureTable.All.ToArray().Where(static feature => feature.Note == RepeatsLeaf1).Select(static feature => (feature, FeatureTable.Get(feature.Name["amd-".Length..])))];

    private readonly uint[] _values = new uint[NamedRows.All.Length * NamedRows.Registers];
    private readonly uint[] _known = new uint[NamedRows.All.Length * NamedRows.Registers];
    private readonly (ulong Value, ulong Known)[] _msrs = new (ulong, ulong)[NamedRows.Msrs.Length];
    private readonly (ulong Value, ulong Known)[] _vmx = new (ulong, ulong)[Groups];
    private readonly SortedSet<string> _contradictions = new(StringComparer.Ordinal);

    /// <summary>Names that were told both ways.</summary>
    public IReadOnlyCollection<string> Contradictions => _contradictions;

    /// <summary>Is anything of CPUID known?</summary>
    public bool IsEmpty => !_known.AsSpan().ContainsAnyExcept(0u);

    /// <summary>Was anything of KVM's paravirtual leaf told to be there?</summary>
    public bool ShowsKvm
    {
        get
        {
            for (int row = 0; row < NamedRows.All.Length; row++)
            {
                if (HypervisorLeaves.Owns(NamedRows.All[row].Leaf) && Row(_values, row).ContainsAnyExcept(0u))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Tells whether the CPU has what a name stands for.</summary>
    public void Tell(string name, NamedPlaces places, bool has)
    {
        foreach (CpuidSlot bits in places.Slots)
        {
            if (!Learn(bits.Slot, has ? bits.Mask : 0, bits.Mask))
            {
                _contradictions.Add(name);
            }
        }

        foreach (MsrSlot bits in places.MsrSlots)
        {
            Learn(ref _msrs[bits.Slot], bits.Mask, has, name);
        }

        // A property of two bits is off where either of them is 0.
        if (has || places.Vmx.Length == 1)
        {
            foreach (VmxControl control in places.Vmx)
            {
                Learn(ref _vmx[(int)control.Group], control.Mask, has, name);
            }
        }
    }

    /// <summary>Tells that the CPU has all of these bits; false, and nothing told, where one of them is known to be 0.</summary>
    public bool TryTell(NamedBits bits)
    {
        foreach (CpuidSlot one in bits.Cpuid)
        {
            if ((_known[one.Slot] & one.Mask & ~_values[one.Slot]) != 0)
            {
                return false;
            }
        }

        foreach (MsrSlot one in bits.Msrs)
        {
            if ((_msrs[one.Slot].Known & one.Mask & ~_msrs[one.Slot].Value) != 0)
            {
                return false;
            }
        }

        foreach (CpuidSlot one in bits.Cpuid)
        {
            _values[one.Slot] |= one.Mask;
            _known[one.Slot] |= one.Mask;
        }

        foreach (MsrSlot one in bits.Msrs)
        {
            ref (ulong Value, ulong Known) msr = ref _msrs[one.Slot];
            msr = (msr.Value | one.Mask, msr.Known | one.Mask);
        }

        return true;
    }

    /// <summary>Tells a field's value; false where another was told before.</summary>
    public bool Tell(CpuidFeature field, uint value) => Learn(NamedRows.SlotOf(field), field.Insert(0, value), field.RegisterMask);

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
    public bool Learn(CpuidAddress address, CpuidRegister register, uint value, uint mask) => Learn(NamedRows.SlotOf(address, register), value, mask);

    /// <summary>What AMD's leaf 80000001H repeats of leaf 1 (APM vol. 3, E.4.2), and that other vendors' has nothing there.</summary>
    public void RepeatLeaf1(bool amd)
    {
        foreach ((CpuidFeature feature, CpuidFeature original) in Repeated)
        {
            if (!amd)
            {
                Tell(feature, 0);
            }
            else if (Known(original) is { } has)
            {
                Tell(feature, has ? 1u : 0u);
            }
        }
    }

    /// <summary>Is the bit set; null where it is not known.</summary>
    public bool? Known(CpuidFeature feature)
    {
        int slot = NamedRows.SlotOf(feature);
        return (_known[slot] & feature.RegisterMask) == feature.RegisterMask ? (_values[slot] & feature.RegisterMask) != 0 : null;
    }

    /// <summary>The values, and the mask of what is not known in their leaves; null where all is.</summary>
    public (CpuidTable Values, CpuidTable? Unknown) ToTables()
    {
        List<CpuidEntry> values = [];
        List<CpuidEntry> unknown = [];
        for (int row = 0; row < NamedRows.All.Length; row++)
        {
            ReadOnlySpan<uint> known = Row(_known, row);
            if (!known.ContainsAnyExcept(0u))
            {
                continue;
            }

            CpuidAddress address = NamedRows.All[row];
            ReadOnlySpan<uint> value = Row(_values, row);
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

    /// <summary>What is known of a feature MSR outside VMX, by its number: the value and which bits of it are known.</summary>
    public (ulong Value, ulong Known) Msr(int slot) => _msrs[slot];

    /// <summary>What is known of the VMX controls: which may be switched, and of which that is known.</summary>
    public (ulong Value, ulong Known) Vmx(VmxControlGroup group) => _vmx[(int)group];

    private static ReadOnlySpan<uint> Row(uint[] registers, int row) => registers.AsSpan(row * NamedRows.Registers, NamedRows.Registers);

    private bool Learn(int slot, uint value, uint mask)
    {
        uint known = _known[slot];
        bool agrees = ((_values[slot] ^ value) & known & mask) == 0;
        _values[slot] |= value & mask & ~known;
        _known[slot] = known | mask;
        return agrees;
    }

    private void Learn(ref (ulong Value, ulong Known) place, ulong mask, bool has, string name)
    {
        if ((place.Known & mask) != 0 && (place.Value & mask) != 0 != has)
        {
            _contradictions.Add(name);
            return;
        }

        place = (has ? place.Value | mask : place.Value, place.Known | mask);
    }
}
