using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>What of a promise another host keeps too: the richest contract that both take (contract S1, M9).</summary>
public static class CommonPromise
{
    /// <summary>The CPUID without what the other host's KVM does not support, and what needs it.</summary>
    public static CpuidTable Of(CpuidTable promised, CpuidTable supported)
    {
        CpuidFeature[] broken = [.. FeatureTable.All.ToArray().Where(feature => feature.Space == CpuidSpace.Cpu && feature.IsBit
            && feature.Rule == MigrationRule.Subset && !feature.VariesAtRunTime && promised.Has(feature) && !supported.Has(feature))];
        CpuidTable common = broken.Length == 0 ? promised : CpuidEdit.Without(promised, broken);
        foreach (CpuidFeature field in FeatureTable.All)
        {
            bool lower = !field.IsBit && field.Rule == MigrationRule.NotGreater && supported.Value(field) < common.Value(field);
            bool raise = field.IsBit && field.Rule == MigrationRule.Accumulate && supported.Has(field) && !common.Has(field);
            if (field.Space == CpuidSpace.Cpu && !field.VariesAtRunTime && (lower || raise))
            {
                common = common.WithValue(field, supported.Value(field));
            }
        }

        return common;
    }

    /// <summary>The feature MSRs that both hosts take; null, with why, where no value suits both.</summary>
    public static MsrTable? Of(MsrTable promised, HostSnapshot other, out string? why)
    {
        why = null;
        if (other.FeatureMsrs is not { } offered)
        {
            why = "the snapshot does not tell its feature MSRs";
            return null;
        }

        MsrTable common = MsrTable.From(promised.Where(row => offered.Value.Contains(row.Index)).Select(row => Meet(row, offered.Value)));
        if (!VmxCapabilitiesReader.TryRead(promised, out VmxCapabilities own, out _) || !VmxCapabilitiesReader.TryRead(offered.Value, out VmxCapabilities others, out _))
        {
            return common;
        }

        if (VmxMeet.Of(own, others, out VmxRestoreRule obstacle) is not { } meet)
        {
            why = $"no VMX capability MSRs suit both hosts: {obstacle}";
            return null;
        }

        MsrTable vmx = VmxCapabilitiesReader.ToRestorable(meet);
        return MsrTable.From([.. common.Where(row => !VmxCapabilities.Has(row.Index)), .. vmx.Where(row => promised.Contains(row.Index))]);
    }

    /// <summary>Bit by bit after each bit's rule; bits without a row are promised only where both have them.</summary>
    private static MsrValue Meet(MsrValue promised, MsrTable offered)
    {
        _ = offered.TryGet(promised.Index, out ulong other);
        ulong value = promised.Value & other;
        foreach (MsrBits bits in KnownMsrs.Find(promised.Index)?.Bits ?? [])
        {
            value = bits.Rule switch
            {
                MigrationRule.Accumulate => value | ((promised.Value | other) & bits.Mask),
                MigrationRule.NotGreater => (value & ~bits.Mask) | Math.Min(promised.Value & bits.Mask, other & bits.Mask),
                MigrationRule.Equal => (value & ~bits.Mask) | (promised.Value & bits.Mask),
                _ => value,
            };
        }

        return promised with { Value = value };
    }
}
