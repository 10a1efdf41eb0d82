using System.Globalization;
using Portolan.Documents.Json;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Firecracker;

/// <summary>The CPUID and MSR rows of a fingerprint.</summary>
internal static class FingerprintRows
{
    private const uint SignificantIndex = 1; // KVM_CPUID_FLAG_SIGNIFCANT_INDEX (uapi asm/kvm.h)

    /// <summary>The table, and the masks of the bits that its bitmaps or missing registers leave open.</summary>
    public static (CpuidTable Table, CpuidTable Open) ReadCpuid(ObjectCursor guest)
    {
        Dictionary<CpuidAddress, CpuidEntry> rows = [];
        Dictionary<CpuidAddress, CpuidEntry> open = [];
        foreach (ObjectCursor leaf in guest.EnterEach("cpuid_modifiers"))
        {
            CpuidAddress address = new(leaf.Hex32("leaf"), leaf.Hex32("subleaf"));
            bool significant = leaf.Required("flags") is { } flags && (leaf.IntegerOf(flags, leaf.PathOf("flags"), 0, uint.MaxValue) & SignificantIndex) != 0;
            CpuidValues left = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
            CpuidValues values = ReadRegisters(leaf, ref left);
            if (!rows.TryAdd(address, new CpuidEntry(address, significant, values)))
            {
                leaf.Refuse(leaf.Offset, leaf.Path, "each leaf and subleaf once", $"{address} a second time", FingerprintImport.Advice);
            }

            if (left != default)
            {
                open[address] = new CpuidEntry(address, significant, left);
            }
        }

        return (CpuidTable.From(rows.Values), CpuidTable.From(open.Values));
    }

    /// <summary>The MSRs by index.</summary>
    public static SortedDictionary<uint, Bitmap> ReadMsrs(ObjectCursor guest)
    {
        SortedDictionary<uint, Bitmap> msrs = [];
        foreach (ObjectCursor msr in guest.EnterEach("msr_modifiers"))
        {
            uint index = msr.Hex32("addr");
            if (!msrs.TryAdd(index, ReadBitmap(msr, 64)))
            {
                msr.Refuse(
                    msr.Offset, msr.Path, "each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time"), FingerprintImport.Advice);
            }
        }

        return msrs;
    }

    private static CpuidValues ReadRegisters(ObjectCursor leaf, ref CpuidValues left)
    {
        CpuidValues values = default;
        int seen = 0;
        foreach (ObjectCursor modifier in leaf.EnterEach("modifiers"))
        {
            Bitmap bitmap = ReadBitmap(modifier, 32);
            if (!TryRegister(modifier.Text("register"), out CpuidRegister register))
            {
                modifier.RefuseWhole("register", "\"eax\", \"ebx\", \"ecx\" or \"edx\"");
                continue;
            }

            if ((seen >> (int)register & 1) != 0)
            {
                modifier.Refuse(modifier.Offset, modifier.Path, "each register once", $"{register} a second time", FingerprintImport.Advice);
            }

            seen |= 1 << (int)register;
            values = values.With(register, (uint)bitmap.Value);
            left = left.With(register, (uint)bitmap.Open);
        }

        return values;
    }

    private static Bitmap ReadBitmap(ObjectCursor owner, int bits)
    {
        Bitmap bitmap = default;
        if (owner.TextValue("bitmap") is { } value && !Bitmap.TryParse(value.Kind == JsonKind.String ? value.Utf8 : default, bits, out bitmap))
        {
            owner.Refuse(value, owner.PathOf("bitmap"), string.Create(CultureInfo.InvariantCulture, $"\"0b\" and 1 to {bits} characters 0, 1 or x"));
        }

        return bitmap;
    }

    private static bool TryRegister(string name, out CpuidRegister register)
    {
        (bool known, register) = name switch
        {
            "eax" => (true, CpuidRegister.Eax),
            "ebx" => (true, CpuidRegister.Ebx),
            "ecx" => (true, CpuidRegister.Ecx),
            "edx" => (true, CpuidRegister.Edx),
            _ => (false, CpuidRegister.Eax),
        };
        return known;
    }
}
