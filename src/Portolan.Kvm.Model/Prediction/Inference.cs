using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>
/// What a CPU must have, because a known kernel shows it. A bit that is not shown says nothing: a VMM may have taken it away.
/// </summary>
internal static class Inference
{
    private const uint XsaveLeaf = 0xd;

    internal static void FromCpuid(HostSnapshot host, Exposure shownBy, Conditions conditions, PartialCpuid cpu)
    {
        if (host.SupportedCpuid?.Value is not { } shown)
        {
            return;
        }

        foreach (CpuidEntry entry in shown)
        {
            foreach (CpuidRegister register in Exposure.Registers)
            {
                (uint leaf, uint subleaf) = (entry.Address.Leaf, entry.Address.Subleaf);
                uint known = ~(host.UnknownCpuidBits?.GetOrZero(leaf, subleaf)[register] ?? 0);
                KnownBits bits = leaf == XsaveLeaf && subleaf > 1
                    ? KnownBits.Of(entry.Values[register])
                    : FromWord(entry.Values[register] & known, shownBy.Word(leaf, subleaf, register), conditions);
                cpu.Learn(leaf, subleaf, register, bits with { Known = bits.Known & known });
            }
        }
    }

    internal static void FromMsrs(HostSnapshot host, Exposure shownBy, Conditions conditions, Dictionary<MsrBit, bool> bits)
    {
        foreach (MsrValue msr in host.FeatureMsrs?.Value ?? MsrTable.Empty)
        {
            ILookup<int, ExposureRow> rows = ExposureTable.All
                .Where(row => row.Kind == ExposureKind.MsrBit && row.Number == msr.Index)
                .ToLookup(row => row.Bit);
            for (int bit = 0; bit < 64; bit++)
            {
                ExposureRow[] active = [.. rows[bit].Where(shownBy.Contains)];
                bool passed = !rows[bit].Any() || active.Any(row => row.Rule == ExposureRule.Host && conditions.Hold(row) == true);
                if (passed && !active.Any(row => row.Rule != ExposureRule.Host && conditions.Hold(row) != false))
                {
                    bits[new MsrBit(msr.Index, bit)] = (msr.Value >> bit & 1) != 0;
                }
            }
        }
    }

    private static KnownBits FromWord(uint shown, IReadOnlyList<WordRow> rows, Conditions conditions)
    {
        KnownBits bits = KnownBits.Unknown;
        foreach (WordRow word in rows)
        {
            uint value = shown & word.Mask;
            bool madeByKvm = rows.Any(other => (other.Mask & word.Mask) != 0 && other.Row != word.Row && other.Row.Rule != ExposureRule.Host && conditions.Hold(other.Row) != false);
            if (value == 0 || madeByKvm || conditions.Hold(word.Row) == false)
            {
                continue;
            }

            uint learnt = word.Row switch
            {
                { Rule: ExposureRule.Host, Kind: ExposureKind.Bit or ExposureKind.Xfeature or ExposureKind.Xss } => value,
                { Rule: ExposureRule.Host } => word.Mask,
                { Rule: ExposureRule.Mask } => (uint)word.Row.Operand,
                { Rule: ExposureRule.Min } when value >> word.LowBit < word.Row.Operand => word.Mask,
                _ => 0,
            };
            bits = bits.Else(new KnownBits(value & learnt, learnt));
        }

        return bits;
    }
}
