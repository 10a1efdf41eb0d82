using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Routes;

/// <summary>
/// What a guest was promised in CPUID and a host's KVM does not support (contract S1): KVM itself does not look. Compared a register at
/// a time; the features are named only where something offends.
/// </summary>
internal static class PromiseCheck
{
    private static readonly RegisterRules[] Registers = Compile();

    /// <summary>The features of one register of one leaf, by rule.</summary>
    private sealed record RegisterRules(CpuidAddress Address, CpuidRegister Register, CpuidFeature[] Features)
    {
        public uint Subset { get; } = MaskOf(Features, MigrationRule.Subset);

        public uint Accumulate { get; } = MaskOf(Features, MigrationRule.Accumulate);

        public uint Equal { get; } = MaskOf(Features, MigrationRule.Equal);

        private static uint MaskOf(CpuidFeature[] features, MigrationRule rule)
            => features.Where(feature => feature.Rule == rule).Aggregate(0u, static (mask, feature) => mask | feature.RegisterMask);
    }

    /// <summary>Tells what a host does not keep of a guest's CPUID, in the order of the table of features.</summary>
    /// <param name="promised">The guest's table.</param>
    /// <param name="host">The host; its supported CPUID is known.</param>
    /// <param name="hop">How many hops lie behind it.</param>
    /// <param name="broken">Takes what is not kept.</param>
    /// <param name="undecided">Takes what the snapshot does not know.</param>
    internal static void Check(CpuidTable promised, RouteHost host, int hop, List<MissingPromise> broken, List<CpuidFeature> undecided)
    {
        if (host.SupportedNow is not { } supported)
        {
            return;
        }

        int first = broken.Count;
        foreach (RegisterRules rules in Registers)
        {
            bool known = supported.TryGet(rules.Address.Leaf, rules.Address.Subleaf, out CpuidValues offered);
            uint unknown = !known && host.CpuidIsPartial ? uint.MaxValue
                : host.UnknownCpuidBits?.GetOrZero(rules.Address.Leaf, rules.Address.Subleaf)[rules.Register] ?? 0;
            uint guest = promised.GetOrZero(rules.Address.Leaf, rules.Address.Subleaf)[rules.Register];
            uint has = offered[rules.Register];
            uint offending = ((guest & ~has & rules.Subset) | (has & ~guest & rules.Accumulate) | ((guest ^ has) & rules.Equal)) & ~unknown;
            uint open = ((guest & rules.Subset) | (~guest & rules.Accumulate) | rules.Equal) & unknown;
            if ((offending | open) != 0)
            {
                Name(rules, promised, (offending, open), (guest, has), hop, broken, undecided);
            }
        }

        if (broken.Count - first > 1)
        {
            broken.Sort(first, broken.Count - first, ByFeature);
        }

        if (broken.Count > first)
        {
            Emulation(host, first, broken);
        }
    }

    private static readonly Comparer<MissingPromise> ByFeature = Comparer<MissingPromise>.Create(static (a, b) => a.Feature.Index.CompareTo(b.Feature.Index));

    private static void Name(
        RegisterRules rules, CpuidTable promised, (uint Offending, uint Open) bits, (uint Guest, uint Host) values, int hop, List<MissingPromise> broken, List<CpuidFeature> undecided)
    {
        foreach (CpuidFeature feature in rules.Features)
        {
            if (((bits.Offending | bits.Open) & feature.RegisterMask) == 0 || !feature.Matters(promised))
            {
                continue;
            }

            if ((bits.Offending & feature.RegisterMask) != 0)
            {
                broken.Add(new MissingPromise(hop, feature, feature.ValueIn(values.Guest), feature.ValueIn(values.Host)) { Emulated = false });
            }
            else
            {
                undecided.Add(feature);
            }
        }
    }

    private static void Emulation(RouteHost host, int first, List<MissingPromise> broken)
    {
        KvmAnswer<CpuidTable> emulated = host.System.GetEmulatedCpuid();
        for (int i = first; i < broken.Count; i++)
        {
            CpuidFeature feature = broken[i].Feature;
            if (feature.Rule == MigrationRule.Subset)
            {
                bool? has = emulated.Ok ? emulated.Value.Has(feature) : emulated.IsUnknown && EmulableFeatures.Contains(feature) ? null : false;
                broken[i] = broken[i] with { Emulated = has };
            }
        }
    }

    private static RegisterRules[] Compile()
        => [.. FeatureTable.All.ToArray()
            // The hypervisor's own leaves are judged by what KVM can emulate, not by this table of the CPU's.
            .Where(static feature => feature.Space == CpuidSpace.Cpu && feature.IsBit && !feature.VariesAtRunTime)
            .Where(static feature => feature.Rule is MigrationRule.Subset or MigrationRule.Accumulate or MigrationRule.Equal)
            .GroupBy(static feature => (feature.Address, feature.Register))
            .Select(static group => new RegisterRules(group.Key.Address, group.Key.Register, [.. group]))];
}
