using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;

namespace Portolan.Compatibility.Prepared;

/// <summary>A destination, packed once so that many guests are judged against it quickly. Immutable; any thread may use it.</summary>
public sealed class PreparedHost
{
    private readonly PackedOffer _offer = new();
    private readonly ulong[] _clean;
    private readonly XsaveOffer _xsave;
    private readonly ulong[]? _machines;

    /// <summary>Packs a host.</summary>
    public PreparedHost(JudgedHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        Host = host;
        HostFacts facts = host.Facts;
        IsBare = !facts.MissingForAll.IsEmpty;
        Exceptions = Exceptions.Always
            | (facts.Behaviours.EvmcsFilterSees == EvmcsFilterSees.Everyone ? Exceptions.RewritesForEveryone : 0)
            | (IsBare || facts.Vmx is { IsComplete: false } || facts.Snapshot.FeatureMsrIndices is null ? Exceptions.PartlyKnownVmx : 0)
            | (PolicyNeeds.Version(facts) is null ? Exceptions.OddVersion : 0);
        Floor = PolicyClauses.IgnoresMsrs(facts) is null ? Verdict.Compatible : Verdict.CompatibleWithWarnings;
        _machines = MachineTypes.Of(facts);
        NeedTable.Pack(facts, _offer);
        _clean = _offer.Clean.All;
        if (IsBare)
        {
            return;
        }

        ComponentPlaces.Pack(facts, _offer.Clean.Places);
        _xsave = new XsaveOffer(facts);
        Layout = ComponentPlaces.LayoutOf(facts);
        IsSetupUnknown = SetupNeeds.IsRewritingUnknown(facts);
        IsMaxEntriesUnknown = facts.Behaviours.CpuidMaxEntries is null;
        View = VmxViewKey.Number(facts);
    }

    /// <summary>The host.</summary>
    public JudgedHost Host { get; }

    internal PackedOffer Offer => _offer;

    /// <summary>The terms that it keeps without reserve.</summary>
    internal ulong[] Clean => _clean;

    internal ref readonly XsaveOffer Xsave => ref _xsave;

    /// <summary>The number of its components' places.</summary>
    internal int Layout { get; }

    /// <summary>What every guest comes to at least.</summary>
    internal Verdict Floor { get; }

    /// <summary>Does the snapshot lack what every guest needs to be known?</summary>
    internal bool IsBare { get; }

    /// <summary>Is it not known how KVM_SET_CPUID2 changes leaf 0DH?</summary>
    internal bool IsSetupUnknown { get; }

    internal bool IsMaxEntriesUnknown { get; }

    internal Exceptions Exceptions { get; }

    /// <summary>The number of what decides how a guest reads VMX capability MSRs here.</summary>
    internal int View { get; }

    /// <summary>Does the VMM here know a machine type?</summary>
    internal Verdict Machine(int type) => MachineTypes.Judge(_machines, type);
}
