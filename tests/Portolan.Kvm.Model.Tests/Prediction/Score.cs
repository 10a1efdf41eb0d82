using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Tests.Prediction;

/// <summary>How a prediction did on one bit or one MSR.</summary>
internal enum Verdict
{
    /// <summary>It changed, as predicted.</summary>
    Hit,

    /// <summary>It changed, and the prediction said that it would not.</summary>
    Miss,

    /// <summary>It changed, and the prediction left it open.</summary>
    Open,

    /// <summary>It did not change, and the prediction said that it would.</summary>
    FalseChange,

    /// <summary>It did not change, and the prediction left it open.</summary>
    NeedlesslyOpen,
}

/// <summary>One bit or MSR that changed or was predicted to change.</summary>
/// <param name="Place">The register, or the MSR.</param>
/// <param name="Bit">The bit; null for the MSR itself.</param>
/// <param name="Name">The feature's name.</param>
/// <param name="Verdict">How the prediction did.</param>
internal sealed record ScoredBit(string Place, int? Bit, string Name, Verdict Verdict);

/// <summary>Compares a predicted snapshot with what was recorded under the target kernel, bit by bit.</summary>
internal static class Score
{
    // Leaf 0DH EBX follows the XCR0 in force, so it is of the vCPU and not of the host.
    private static readonly (uint Leaf, uint Subleaf, CpuidRegister Register)[] RunTime = [(0xd, 0, CpuidRegister.Ebx), (0xd, 1, CpuidRegister.Ebx)];

    internal static List<ScoredBit> Compare(Fingerprint before, Fingerprint after, HostSnapshot predicted, IReadOnlySet<uint> recordedMsrs)
    {
        List<ScoredBit> scored = [.. Cpuid(before.Cpuid, after.Cpuid, predicted)];
        scored.AddRange(Msrs(before.Msrs, after.Msrs, predicted, recordedMsrs));
        return scored;
    }

    private static IEnumerable<ScoredBit> Cpuid(CpuidTable before, CpuidTable after, HostSnapshot predicted)
    {
        CpuidTable table = predicted.SupportedCpuid!.Value;
        IEnumerable<CpuidAddress> places = before.Concat(after).Concat(table).Select(entry => entry.Address).Distinct().Order();
        foreach (CpuidAddress place in places)
        {
            foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>().Where(register => !RunTime.Contains((place.Leaf, place.Subleaf, register))))
            {
                uint was = before.GetOrZero(place.Leaf, place.Subleaf)[register];
                uint now = after.GetOrZero(place.Leaf, place.Subleaf)[register];
                uint said = table.GetOrZero(place.Leaf, place.Subleaf)[register];
                uint open = predicted.UnknownCpuidBits?.GetOrZero(place.Leaf, place.Subleaf)[register] ?? 0;
                for (int bit = 0; bit < 32; bit++)
                {
                    if (Judge(was >> bit & 1, now >> bit & 1, said >> bit & 1, (open >> bit & 1) != 0) is { } verdict)
                    {
                        yield return new($"{place}:{register.ToString().ToUpperInvariant()}", bit, Name(place, register, bit), verdict);
                    }
                }
            }
        }
    }

    private static IEnumerable<ScoredBit> Msrs(MsrTable before, MsrTable after, HostSnapshot predicted, IReadOnlySet<uint> recorded)
    {
        HashSet<uint> said = [.. predicted.SavedMsrs?.Value ?? []];
        foreach (uint index in recorded.Order())
        {
            uint was = before.Contains(index) ? 1u : 0;
            uint now = after.Contains(index) ? 1u : 0;
            if (Judge(was, now, said.Contains(index) ? 1u : 0, predicted.SavedMsrs is null) is { } verdict)
            {
                yield return new(string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H"), null, "-", verdict);
            }
        }

        foreach (MsrValue msr in predicted.FeatureMsrs?.Value ?? MsrTable.Empty)
        {
            if (!before.TryGet(msr.Index, out ulong was) || !after.TryGet(msr.Index, out ulong now))
            {
                continue;
            }

            for (int bit = 0; bit < 64; bit++)
            {
                if (Judge((uint)(was >> bit & 1), (uint)(now >> bit & 1), (uint)(msr.Value >> bit & 1), false) is { } verdict)
                {
                    yield return new(string.Create(CultureInfo.InvariantCulture, $"MSR {msr.Index:X}H"), bit, "-", verdict);
                }
            }
        }
    }

    private static Verdict? Judge(uint was, uint now, uint said, bool open) => (was != now, open, said == now) switch
    {
        (true, true, _) => Verdict.Open,
        (true, false, true) => Verdict.Hit,
        (true, false, false) => Verdict.Miss,
        (false, true, _) => Verdict.NeedlesslyOpen,
        (false, false, false) => Verdict.FalseChange,
        _ => null,
    };

    private static string Name(CpuidAddress place, CpuidRegister register, int bit)
    {
        CpuidFeature? feature = FeatureTable.All.ToArray().FirstOrDefault(one =>
            one.Space == CpuidSpace.Cpu && one.Address.Leaf == place.Leaf && one.Covers(place.Subleaf) && one.Register == register && (one.RegisterMask >> bit & 1) != 0);
        return feature?.Name ?? "-";
    }
}
