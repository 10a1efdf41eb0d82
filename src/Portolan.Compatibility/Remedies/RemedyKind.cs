namespace Portolan.Compatibility.Remedies;

/// <summary>What can be done about a finding, from the cheapest to the dearest.</summary>
public enum RemedyKind
{
    /// <summary>The VMM clears what was never promised from XSTATE_BV before it loads an image (contract X34).</summary>
    SanitiseXstateBv,

    /// <summary>The VMM requests dynamic components for its guests before the first vCPU (contract X23).</summary>
    RequestPermission,

    /// <summary>The hosts between the first and the last are visited in another order.</summary>
    ReorderHops,

    /// <summary>The VMM gives the guest feature MSRs that every host takes, from its next start on.</summary>
    RelevelMsrs,

    /// <summary>The guest is promised less from its next start on.</summary>
    MaskFeatures,

    /// <summary>A module of KVM is loaded with another parameter.</summary>
    ModuleParameter,

    /// <summary>A host boots another kernel.</summary>
    UpgradeKernel,
}

/// <summary>What a remedy costs its operator, so that plans can be put in order.</summary>
public static class RemedyCost
{
    /// <summary>
    /// Points: 1 for what the VMM does at the next migration, 2 for another route, 4 for a restart of the guest, 6 for a host that must
    /// be empty while a module is loaded anew, 8 for one that boots another kernel. Restarts of the same guest count once: a plan with two
    /// remedies of a guest's next start costs one point more than one.
    /// </summary>
    public static int Of(RemedyKind kind) => kind switch
    {
        RemedyKind.SanitiseXstateBv or RemedyKind.RequestPermission => 1,
        RemedyKind.ReorderHops => 2,
        RemedyKind.RelevelMsrs or RemedyKind.MaskFeatures => 4,
        RemedyKind.ModuleParameter => 6,
        RemedyKind.UpgradeKernel => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>What a plan costs.</summary>
    public static int Of(IReadOnlyList<Remedy> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        int restarts = steps.Count(static step => step.Kind is RemedyKind.RelevelMsrs or RemedyKind.MaskFeatures);
        int saved = restarts > 1 ? (restarts - 1) * (Of(RemedyKind.MaskFeatures) - 1) : 0;
        return steps.Sum(static step => Of(step.Kind)) - saved;
    }
}
