using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>Bits of a 64-bit register as the tables write them: <c>5</c>, or <c>11:8</c> with the higher bit first.</summary>
internal readonly record struct BitRange(int Low, int High)
{
    /// <summary>The bits' mask.</summary>
    public ulong Mask => (High == 63 ? ulong.MaxValue : (1UL << (High + 1)) - 1) & (ulong.MaxValue << Low);

    /// <summary>Reads a field; a problem is reported where it is no range of bits below <paramref name="width"/>.</summary>
    public static BitRange Read(TsvRow row, string column, int width, Problems problems)
    {
        string[] ends = row[column].Split(':');
        if (ends.Length <= 2
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int low)
            && int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int high)
            && low <= high && high < width && (ends.Length == 1 || low < high))
        {
            return new BitRange(low, high);
        }

        problems.Add(row, $"'{column}' should be a bit or high:low below {width}, and is '{row[column]}'");
        return default;
    }

    /// <summary>Reports every row whose bits overlap those of an earlier row with the same key.</summary>
    public static void RequireDisjoint(IEnumerable<(TsvRow Row, string Key, BitRange Bits)> rows, Problems problems)
    {
        Dictionary<string, ulong> taken = new(StringComparer.Ordinal);
        foreach ((TsvRow row, string key, BitRange bits) in rows)
        {
            ulong before = taken.GetValueOrDefault(key);
            if ((before & bits.Mask) != 0)
            {
                problems.Add(row, $"bits {bits.High}:{bits.Low} of {key} stand already in an earlier row");
            }

            taken[key] = before | bits.Mask;
        }
    }
}
