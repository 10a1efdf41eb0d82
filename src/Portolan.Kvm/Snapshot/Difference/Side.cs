using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>One host's CPUID table with what is not known of it.</summary>
/// <param name="Table">The table; null where all of it is unknown.</param>
/// <param name="UnknownBits">The bits that are not known.</param>
/// <param name="IsPartial">Is a leaf that the table lacks unknown rather than absent?</param>
internal sealed record Side(CpuidTable? Table, CpuidTable UnknownBits, bool IsPartial)
{
    private static readonly CpuidValues AllBits = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);

    public static Side Supported(HostSnapshot host)
        => new(host.SupportedCpuid?.Value, host.UnknownCpuidBits ?? CpuidTable.Empty, host.SupportedCpuidIsPartial);

    public static Side Native(HostSnapshot host)
        => new(host.NativeCpuid?.Value, host.UnknownNativeBits ?? CpuidTable.Empty, host.NativeCpuidIsPartial);

    public static Side Plain(Fact<CpuidTable>? fact) => new(fact?.Value, CpuidTable.Empty, false);

    /// <summary>The bits of a row that are not known.</summary>
    public CpuidValues UnknownOf(CpuidAddress address)
        => IsPartial && !Table!.TryGet(address.Leaf, address.Subleaf, out _) ? AllBits : UnknownBits.GetOrZero(address.Leaf, address.Subleaf);
}
