using System.Collections.Immutable;
using Portolan.X86.Features;

namespace Portolan.Kvm.Routes;

/// <summary>All that any KVM emulates of a CPU's features (arch/x86/kvm/cpuid.c __do_cpuid_func_emulated).</summary>
public static class EmulableFeatures
{
    /// <summary>The features.</summary>
    public static ImmutableArray<CpuidFeature> All { get; } = [FeatureTable.Get("movbe"), FeatureTable.Get("rdpid")];

    /// <summary>Does some KVM emulate the feature?</summary>
    public static bool Contains(CpuidFeature feature) => All.Contains(feature);
}
