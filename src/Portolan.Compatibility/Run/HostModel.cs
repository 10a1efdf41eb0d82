using System.Collections.Immutable;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model;
using Portolan.Kvm.Routes;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Run;

/// <summary>The model of a host, made once, of which every question takes a process of its own.</summary>
internal sealed class HostModel
{
    private static readonly CpuidFeature Vmx = FeatureTable.Get("vmx");
    private readonly HostSnapshot _snapshot;
    private readonly ModelSystem? _first;
    private readonly XsaveLayout? _layout;

    internal HostModel(HostSnapshot snapshot, KvmBehaviours behaviours)
    {
        _snapshot = snapshot;
        _first = ModelSystem.TryCreate(snapshot, behaviours, out ImmutableArray<string> missing);
        Missing = missing;
        _layout = LayoutOf(snapshot);
    }

    /// <summary>The facts without which no guest can be modelled; none if it can.</summary>
    internal ImmutableArray<string> Missing { get; }

    /// <summary>A fresh process on the host. Where the model cannot be made, each of its calls misses a fact.</summary>
    internal RouteHost Process(string name, bool requestsPermission) => new(name, NewSystem())
    {
        RequestsPermission = requestsPermission,
        KnownLayout = _layout,
        KnownSupportedXcr0 = _snapshot.SupportedXcr0?.Value,
        UnknownCpuidBits = _snapshot.UnknownCpuidBits,
        CpuidIsPartial = _snapshot.SupportedCpuidIsPartial,
    };

    /// <summary>The feature MSRs that the host refuses for what little is known of it, where it cannot be modelled.</summary>
    /// <param name="guest">The guest.</param>
    internal IEnumerable<(MsrValue Msr, RefusalRule Rule)> RefusedUnmodelled(GuestContract guest)
        => Missing.IsEmpty || !guest.Cpuid.Has(Vmx) ? []
            : VmxMsrs.Refused(_snapshot, guest.FeatureMsrs.OrderBy(static msr => msr.Index == MsrIndex.Ia32VmxMisc));

    private IKvmSystem NewSystem() => _first is { } first ? first.AnotherProcess() : new UnmodelledSystem(_snapshot, Missing[0]);

    /// <summary>Where the hardware puts each component: as its own leaf 0DH says, else as KVM's does.</summary>
    private static XsaveLayout? LayoutOf(HostSnapshot snapshot)
    {
        if (snapshot.XsaveCpuid?.Value is not { } table)
        {
            return null;
        }

        foreach (CpuidEntry entry in snapshot.SupportedCpuid?.Value ?? CpuidTable.Empty)
        {
            table = entry.Address.Leaf == XsaveLeaf.Leaf && !table.Contains(entry.Address) ? table.With(entry) : table;
        }

        return XsaveLayout.TryFrom(table, out XsaveLayout layout, out _) ? layout : null;
    }
}
