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
        foreach ((JsonValue value, string path) in guest.Items(guest.Required("cpuid_modifiers"), guest.PathOf("cpuid_modifiers")))
        {
            ObjectCursor leaf = guest.Enter(value, path);
            CpuidAddress address = new(leaf.Hex32("leaf"), leaf.Hex32("subleaf"));
            bool significant = leaf.Required("flags") is { } flags && (leaf.IntegerOf(flags, leaf.PathOf("flags"), 0, uint.MaxValue) & SignificantIndex) != 0;
            CpuidValues left = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
            CpuidValues values = ReadRegisters(leaf, ref left);
            if (!rows.TryAdd(address, new CpuidEntry(address, significant, values)))
            {
                leaf.Refuse(value.Offset, path, "each leaf and subleaf once", $"{address} a second time", FingerprintImport.Advice);
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
        foreach ((JsonValue value, string path) in guest.Items(guest.Required("msr_modifiers"), guest.PathOf("msr_modifiers")))
        {
            ObjectCursor msr = guest.Enter(value, path);
            uint index = msr.Hex32("addr");
            if (!msrs.TryAdd(index, ReadBitmap(msr, 64)))
            {
                msr.Refuse(
                    value.Offset, path, "each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time"), FingerprintImport.Advice);
            }
        }

        return msrs;
    }

    private static CpuidValues ReadRegisters(ObjectCursor leaf, ref CpuidValues left)
    {
        CpuidValues values = default;
        HashSet<CpuidRegister> seen = [];
        foreach ((JsonValue value, string path) in leaf.Items(leaf.Required("modifiers"), leaf.PathOf("modifiers")))
        {
            ObjectCursor modifier = leaf.Enter(value, path);
            Bitmap bitmap = ReadBitmap(modifier, 32);
            if (!TryRegister(modifier.Text("register"), out CpuidRegister register))
            {
                modifier.Refuse(value, modifier.PathOf("register"), "\"eax\", \"ebx\", \"ecx\" or \"edx\"");
                continue;
            }

            if (!seen.Add(register))
            {
                modifier.Refuse(value.Offset, path, "each register once", $"{register} a second time", FingerprintImport.Advice);
            }

            values = values.With(register, (uint)bitmap.Value);
            left = left.With(register, (uint)bitmap.Open);
        }

        return values;
    }

    private static Bitmap ReadBitmap(ObjectCursor owner, int bits)
    {
        string text = owner.Text("bitmap");
        if (!Bitmap.TryParse(text, bits, out Bitmap bitmap) && owner.Optional("bitmap") is { } value)
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
