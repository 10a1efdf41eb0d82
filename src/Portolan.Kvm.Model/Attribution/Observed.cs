using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>What a snapshot has at a place, in place in its register; null where it is not known.</summary>
internal static class Observed
{
    internal static ulong? Value(HostSnapshot host, FactPlace place) => place switch
    {
        CpuidPlace cpuid => Word(host, cpuid),
        MsrPlace { Bits: ulong.MaxValue } whole => Listed(host.FeatureMsrIndices, whole.Index),
        MsrPlace msr => PartlyKnownMsr.Find(host, msr.Index) is { } told && (told.Known & msr.Bits) == msr.Bits ? told.Value & msr.Bits : null,
        MsrListPlace list => Listed(list.IsFeatureList ? host.FeatureMsrIndices : host.SavedMsrs, list.Index),
        ComponentPlace component => Has(component.IsSupervisor ? host.SupportedXss : host.SupportedXcr0, component.Component),
        CapabilityPlace capability => host.Capabilities is { } known && known.Value.TryGetValue(capability.Name, out long answer) ? unchecked((ulong)answer) : null,
        _ => null,
    };

    private static ulong? Word(HostSnapshot host, CpuidPlace place)
    {
        if (host.SupportedCpuid?.Value is not { } table)
        {
            return null;
        }

        bool present = table.TryGet(place.Address.Leaf, place.Address.Subleaf, out CpuidValues values);
        uint unknown = host.UnknownCpuidBits?.GetOrZero(place.Address.Leaf, place.Address.Subleaf)[place.Register] ?? 0;
        return (unknown & place.Bits) != 0 || (!present && host.SupportedCpuidIsPartial) ? null : values[place.Register] & place.Bits;
    }

    private static ulong? Listed(Fact<ImmutableArray<uint>>? list, uint index) => list is null ? null : list.Value.Contains(index) ? 1UL : 0;

    private static ulong? Has(Fact<XFeatureMask>? mask, int component) => mask is null ? null : mask.Value[component] ? 1UL : 0;
}
