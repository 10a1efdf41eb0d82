using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>A field that lists MSRs: <c>0x483,0x48f</c>, or <c>-</c> for none.</summary>
internal static class MsrList
{
    /// <summary>The indexes; a problem is reported for each word that is none.</summary>
    public static List<ulong> Read(TsvRow row, string column, Problems problems)
    {
        List<ulong> msrs = [];
        foreach (string word in row.List(column))
        {
            if (word.StartsWith("0x", StringComparison.Ordinal)
                && uint.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint msr))
            {
                msrs.Add(msr);
            }
            else
            {
                problems.Add(row, $"'{column}' should list MSRs as 0x…, and has '{word}'");
            }
        }

        return msrs;
    }
}
