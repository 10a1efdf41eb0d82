using System.Collections.Immutable;
using Portolan.Kvm.Guest;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Routes;

/// <summary>What a guest was promised in CPUID and a host's KVM does not support (contract S1): KVM itself does not look.</summary>
internal static class PromiseCheck
{
    /// <summary>The features, in the order of the table.</summary>
    internal static ImmutableArray<MissingPromise> Of(GuestContract contract, CpuidTable supported, int hop)
    {
        ImmutableArray<MissingPromise>.Builder missing = ImmutableArray.CreateBuilder<MissingPromise>();
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            // The hypervisor's own leaves are judged by what KVM can emulate, not by this table of the CPU's.
            if (feature.Space == CpuidSpace.Cpu && feature.IsBit && !feature.VariesAtRunTime && feature.Matters(contract.Cpuid))
            {
                uint promised = contract.Cpuid.Value(feature);
                uint offered = supported.Value(feature);
                if (!MigrationRules.IsKept(feature.Rule, promised, offered))
                {
                    missing.Add(new MissingPromise(hop, feature, promised, offered));
                }
            }
        }

        return missing.ToImmutable();
    }
}
