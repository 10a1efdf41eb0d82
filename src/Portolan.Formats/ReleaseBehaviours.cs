using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats;

/// <summary>What a kernel's release says of its behaviours: all that a file tells that has no more than the release.</summary>
internal static class ReleaseBehaviours
{
    /// <summary>The behaviours of the upstream release, derived; none for a text that is no release.</summary>
    /// <param name="release">The release as <c>uname -r</c> says it. What a vendor took over from later kernels it does not tell.</param>
    public static ImmutableSortedDictionary<string, Fact<string>> Of(string release)
    {
        if (!KernelRelease.TryParse(release, out KernelRelease upstream))
        {
            return ImmutableSortedDictionary<string, Fact<string>>.Empty;
        }

        Evidence evidence = new(EvidenceQuality.Derived, $"the upstream release {upstream}");
        return KvmBehaviours.Of(upstream).Known()
            .ToImmutableSortedDictionary(static known => known.Key, known => new Fact<string>(known.Value, evidence), StringComparer.Ordinal);
    }
}
