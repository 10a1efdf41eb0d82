using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model;

/// <summary>
/// One process on a modelled host: /dev/kvm answers as that host's kernel would, from its snapshot and its behaviours. Deterministic,
/// in memory. A call that a missing fact decides answers <see cref="Errno.Unknown"/> and names the fact. One model is one process's
/// and, like its file descriptors' state, not to be used by several threads at once.
/// </summary>
public sealed class ModelSystem : IKvmSystem
{
    private const int ApiVersion = 12;
    private const int CompiledTables = 4;
    private readonly GuestCpuid[] _compiled = [GuestCpuid.None, GuestCpuid.None, GuestCpuid.None, GuestCpuid.None];
    private int _nextCompiled;
    private CpuidTable? _rewrittenFrom;
    private CpuidTable _rewritten = CpuidTable.Empty;
    private XFeatureMask _permitted;
    private bool _permissionLocked;

    private ModelSystem(ModelHost host)
    {
        Host = host;
        _permitted = (host.HostXcr0 ?? host.SupportedXcr0).Except(XFeatures.Dynamic);
    }

    /// <summary>The behaviours this model follows.</summary>
    public KvmBehaviours Behaviours => Host.Behaviours;

    internal ModelHost Host { get; }

    /// <summary>
    /// Builds the model of a host. It needs what decides for every guest: the components KVM supports, where leaf 0DH puts them, and
    /// a CPUID table. Everything else is asked for when a call depends on it.
    /// </summary>
    /// <param name="snapshot">The host.</param>
    /// <param name="missing">The names of the facts without which no guest can be modelled; empty on success.</param>
    /// <returns>The model, or null when facts are missing.</returns>
    public static ModelSystem? TryCreate(HostSnapshot snapshot, out ImmutableArray<string> missing)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return TryCreate(snapshot, KvmBehaviours.Of(snapshot), out missing);
    }

    /// <summary>The same with other behaviours than the snapshot's.</summary>
    public static ModelSystem? TryCreate(HostSnapshot snapshot, KvmBehaviours behaviours, out ImmutableArray<string> missing)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(behaviours);
        return ModelHost.TryCreate(snapshot, behaviours, out missing) is { } host ? new ModelSystem(host) : null;
    }

    /// <summary>Another process on the same host: its own dynamic-component permission, no VM yet.</summary>
    public ModelSystem AnotherProcess() => new(Host);

    /// <inheritdoc/>
    public KvmAnswer<int> GetApiVersion() => ApiVersion;

    /// <inheritdoc/>
    public KvmAnswer<int> CheckExtension(uint capability)
    {
        if (capability == KvmCapability.Xsave2)
        {
            return Host.Behaviours.XsaveXsave2 switch
            {
                XsaveXsave2.Present => Math.Max(UabiImage.Size, Host.Layout.StandardSize(FilteredXcr0)),
                XsaveXsave2.Absent => 0,
                _ => MissingFact.Answer("xsave.xsave2"),
            };
        }

        return Host.Capability(capability) is { } value ? (int)value : MissingFact.Answer($"capabilities {KvmCapability.NameOf(capability) ?? $"{capability}"}");
    }

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedCpuid()
        => Host.Snapshot.SupportedCpuid is { } fact ? SupportedCpuid.Of(fact.Value, Host, FilteredXcr0) : MissingFact.Answer("supportedCpuid");

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetEmulatedCpuid()
        => Host.Snapshot.EmulatedCpuid is { } fact ? fact.Value : MissingFact.Answer("emulatedCpuid");

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => HypervCpuid.OfSystem(Host);

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrIndexList()
        => Host.Snapshot.SavedMsrs is { } fact ? fact.Value : MissingFact.Answer("savedMsrs");

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrFeatureIndexList()
        => Host.Snapshot.FeatureMsrIndices is { } fact ? fact.Value : MissingFact.Answer("featureMsrIndices");

    /// <inheritdoc/>
    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries)
    {
        if (Host.Snapshot.FeatureMsrIndices is not { } listed)
        {
            return MissingFact.Answer("featureMsrIndices");
        }

        for (int i = 0; i < entries.Length; i++)
        {
            if (!listed.Value.Contains(entries[i].Index))
            {
                return i;
            }

            if (Host.Snapshot.FeatureMsrs?.Value.TryGet(entries[i].Index, out ulong value) is not true)
            {
                return MissingFact.Answer($"featureMsrs {entries[i].Index:x}");
            }

            entries[i] = entries[i] with { Value = value };
        }

        return entries.Length;
    }

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestSupp() => Host.Behaviours.XsaveXcompGuestSupp switch
    {
        XsaveXcompGuestSupp.Present => Host.SupportedXcr0,
        XsaveXcompGuestSupp.Absent => new KvmAnswer(Errno.EINVAL, ClauseTable.SystemAttributeAbsent),
        _ => MissingFact.Answer("xsave.xcomp-guest-supp"),
    };

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestPermission() => HasPermissions() is { Ok: false } none ? none : _permitted;

    /// <inheritdoc/>
    public KvmAnswer RequestXcompGuestPermission(int component) => HasPermissions() is { Ok: false } none ? none : RequestPermission(component);

    /// <inheritdoc/>
    public KvmAnswer<IKvmVm> CreateVm() => new ModelVm(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held: a model is memory.
    }

    /// <summary>May the process give these dynamic components to a guest (contract X24)?</summary>
    internal KvmAnswer CheckDynamic(XFeatureMask dynamic)
    {
        if (dynamic.IsEmpty || dynamic.IsSubsetOf(_permitted))
        {
            return KvmAnswer.Done;
        }

        KvmAnswer permissions = HasPermissions();
        return permissions.Ok ? new KvmAnswer(Errno.EPERM, ClauseTable.CpuidSetDynamicPermission)
            : permissions.IsUnknown ? permissions
            : KvmAnswer.Done;
    }

    /// <summary>The first vCPU fixes the process's permission (contract X23).</summary>
    internal void LockPermission() => _permissionLocked = true;

    /// <summary>What SET_CPUID2 derives from a table; the same table object is compiled once.</summary>
    internal GuestCpuid Compile(CpuidTable table)
    {
        foreach (GuestCpuid known in _compiled)
        {
            if (ReferenceEquals(known.Table, table))
            {
                return known;
            }
        }

        GuestCpuid compiled = GuestCpuid.Of(table);
        _compiled[_nextCompiled++ % CompiledTables] = compiled;
        return compiled;
    }

    /// <summary>The table with the hardware's own leaf 0DH in it; the same table object is rewritten once.</summary>
    internal CpuidTable Rewritten(CpuidTable table, CpuidTable hardware)
    {
        if (!ReferenceEquals(_rewrittenFrom, table))
        {
            _rewrittenFrom = table;
            CpuidEntry[] kept = [.. table.Entries.ToArray().Select(entry =>
                entry.Address.Leaf == CpuidLeaf.Xsave && hardware.TryGet(entry.Address.Leaf, entry.Address.Subleaf, out CpuidValues values)
                    ? entry with { Values = values }
                    : entry)];
            bool inserted = !table.TryGet(CpuidLeaf.Xsave, 0, out _);
            _rewritten = CpuidTable.From(kept.Concat(hardware.Where(row => inserted && IsUserXsave(row) && !table.Contains(row.Address))));
        }

        return _rewritten;
    }

    /// <summary>Leaf 0DH as far as a guest without supervisor components sees it.</summary>
    private bool IsUserXsave(CpuidEntry row)
        => row.Address.Leaf == CpuidLeaf.Xsave && (row.Address.Subleaf <= 1 || (row.Address.Subleaf < 64 && Host.SupportedXcr0[(int)row.Address.Subleaf]));

    /// <summary>S without the tile components of a process that may not use them (contract X9).</summary>
    private XFeatureMask FilteredXcr0
        => Host.SupportedXcr0.Overlaps(XFeatures.Dynamic) && !XFeatures.Dynamic.IsSubsetOf(_permitted)
            ? Host.SupportedXcr0.Except(XFeatures.Amx)
            : Host.SupportedXcr0;

    /// <summary>Does the kernel know permissions for guests?</summary>
    private KvmAnswer HasPermissions() => Host.Behaviours.XsaveDynamic switch
    {
        XsaveDynamic.Permission => KvmAnswer.Done,
        XsaveDynamic.Absent => new KvmAnswer(Errno.EINVAL, ClauseTable.PermissionNotRequestable),
        _ => MissingFact.Answer("xsave.dynamic"),
    };

    private KvmAnswer RequestPermission(int component)
    {
        if (component is < 0 or >= XFeatures.Count)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.PermissionUnknownComponent);
        }

        XFeatureMask requested = XFeatureMask.Of(component);
        if (!requested.IsSubsetOf(XFeatures.Dynamic) || !requested.IsSubsetOf(Host.HostXcr0 ?? Host.SupportedXcr0))
        {
            return new KvmAnswer(Errno.EOPNOTSUPP, ClauseTable.PermissionNotRequestable);
        }

        if (requested.IsSubsetOf(_permitted))
        {
            return KvmAnswer.Done;
        }

        if (_permissionLocked)
        {
            return new KvmAnswer(Errno.EBUSY, ClauseTable.PermissionLocked);
        }

        _permitted |= requested;
        return KvmAnswer.Done;
    }
}
