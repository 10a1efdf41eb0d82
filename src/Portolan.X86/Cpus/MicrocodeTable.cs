using Portolan.X86.Features;

namespace Portolan.X86.Cpus;

/// <summary>A bit that a microcode update can add to a CPU.</summary>
/// <param name="Feature">The feature's name; null where it is a bit of an MSR.</param>
/// <param name="Bit">The bit of a feature MSR; null where it is a feature.</param>
/// <param name="Source">Where it was read.</param>
public sealed record MicrocodeRow(string? Feature, MsrBit? Bit, string Source);

/// <summary>What microcode updates add (data/x86/microcode.tsv). Of a bit that is not here nobody says so.</summary>
public static partial class MicrocodeTable
{
    /// <summary>Every row, in the table's order.</summary>
    public static IReadOnlyList<MicrocodeRow> All => Rows;

    /// <summary>The row of a feature, or null.</summary>
    public static MicrocodeRow? Find(CpuidFeature feature)
    {
        ArgumentNullException.ThrowIfNull(feature);
        return Array.Find(Rows, row => row.Feature == feature.Name);
    }

    /// <summary>The row of an MSR's bit, or null.</summary>
    public static MicrocodeRow? Find(MsrBit bit) => Array.Find(Rows, row => row.Bit == bit);
}
