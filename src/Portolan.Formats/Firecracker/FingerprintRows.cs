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
        List<CpuidEntry> open = [];
        foreach (JsonPlace item in guest.Place.Items("cpuid_modifiers"u8))
        {
            if (guest.Scope.Fault is not null)
            {
                break;
            }

            ObjectPlace leaf = new(guest.Scope, item);
            CpuidAddress address = new(leaf.Hex32("leaf"u8), leaf.Hex32("subleaf"u8));
            bool significant = (leaf.Integer("flags"u8, 0, uint.MaxValue) & SignificantIndex) != 0;
            CpuidValues left = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
            CpuidValues values = ReadRegisters(guest.Scope, leaf, ref left);
            if (!rows.TryAdd(address, new CpuidEntry(address, significant, values)))
            {
                leaf.Refuse("each leaf and subleaf once", $"{address} a second time", FingerprintImport.Advice);
            }
            else if (left != default)
            {
                open.Add(new CpuidEntry(address, significant, left));
            }
        }

        return (CpuidTable.From(rows.Values), CpuidTable.From(open));
    }

    /// <summary>The MSRs, ascending by index.</summary>
    public static (uint Index, Bitmap Value)[] ReadMsrs(ObjectCursor guest)
    {
        Dictionary<uint, Bitmap> msrs = [];
        foreach (JsonPlace item in guest.Place.Items("msr_modifiers"u8))
        {
            if (guest.Scope.Fault is not null)
            {
                break;
            }

            ObjectPlace msr = new(guest.Scope, item);
            uint index = msr.Hex32("addr"u8);
            if (!msrs.TryAdd(index, ReadBitmap(msr, 64)))
            {
                msr.Refuse("each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time"), FingerprintImport.Advice);
            }
        }

        (uint Index, Bitmap Value)[] sorted = [.. msrs.Select(static msr => (msr.Key, msr.Value))];
        Array.Sort(sorted, static (one, other) => one.Index.CompareTo(other.Index));
        return sorted;
    }

    private static CpuidValues ReadRegisters(DocumentScope scope, ObjectPlace leaf, ref CpuidValues left)
    {
        CpuidValues values = default;
        int seen = 0;
        foreach (JsonPlace item in leaf.Items("modifiers"u8))
        {
            if (scope.Fault is not null)
            {
                break;
            }

            ObjectPlace modifier = new(scope, item);
            Bitmap bitmap = ReadBitmap(modifier, 32);
            if (!modifier.TryText("register"u8, out ReadOnlySpan<byte> name, out _) || !TryRegister(name, out CpuidRegister register))
            {
                modifier.RefuseFor("register", "\"eax\", \"ebx\", \"ecx\" or \"edx\"");
                continue;
            }

            if ((seen >> (int)register & 1) != 0)
            {
                modifier.Refuse("each register once", $"{register} a second time", FingerprintImport.Advice);
            }

            seen |= 1 << (int)register;
            values = values.With(register, (uint)bitmap.Value);
            left = left.With(register, (uint)bitmap.Open);
        }

        return values;
    }

    private static Bitmap ReadBitmap(ObjectPlace owner, int bits)
    {
        Bitmap bitmap = default;
        if (owner.TryText("bitmap"u8, out ReadOnlySpan<byte> text, out JsonPlace value) && !Bitmap.TryParse(text, bits, out bitmap))
        {
            owner.Refuse(value, string.Create(CultureInfo.InvariantCulture, $"\"0b\" and 1 to {bits} characters 0, 1 or x"));
        }

        return bitmap;
    }

    private static bool TryRegister(ReadOnlySpan<byte> name, out CpuidRegister register)
    {
        bool isRegister = name.Length == 3 && name[0] == 'e' && name[1] is >= (byte)'a' and <= (byte)'d' && name[2] == 'x';
        register = isRegister ? (CpuidRegister)(name[1] - 'a') : CpuidRegister.Eax;
        return isRegister;
    }
}
