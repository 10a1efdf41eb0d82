using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Prepared;

/// <summary>What a guest brings to the clauses of XSAVE: masks of components.</summary>
internal readonly struct XsaveNeeds
{
    private const ulong InitialXcr0 = 1;

    /// <summary>Packs it.</summary>
    public XsaveNeeds(Departure guest)
    {
        Promised = guest.Guest.Promised.Bits;
        Rewritable = SetupNeeds.HasXsaveLeaf(guest) ? ulong.MaxValue : 0;
        Requested = guest.Guest.Contract.GuestPermission.Bits;
        Image = guest.Carried.Components.GetValueOrDefault().Bits;
        InUse = (guest.InUse & (guest.Guest.Promised | XFeatureMask.Legacy)).Bits;
        Xcr0 = guest.Carried.Xcrs is { Entries: [var entry, ..] } ? entry.Value : 0;
        HasXcr0 = guest.Carried.Xcrs is not null;
        Length = guest.Carried.Header.Length;
    }

    /// <summary>CPUID.(EAX=0DH,ECX=0):EDX:EAX.</summary>
    public ulong Promised { get; }

    /// <summary>All bits if the table has leaf 0DH, which a kernel may rewrite.</summary>
    public ulong Rewritable { get; }

    /// <summary>Components the VMM asks permission for.</summary>
    public ulong Requested { get; }

    /// <summary>XSTATE_BV of the image.</summary>
    public ulong Image { get; }

    /// <summary>Promised components in use.</summary>
    public ulong InUse { get; }

    /// <summary>XCR0, if it is carried.</summary>
    public ulong Xcr0 { get; }

    /// <summary>Is XCR0 carried?</summary>
    public bool HasXcr0 { get; }

    /// <summary>The image's length in bytes.</summary>
    public int Length { get; }

    /// <summary>XCR0 beyond what every vCPU has from the start.</summary>
    public ulong Enabled => Xcr0 & ~InitialXcr0;
}

/// <summary>
/// What a host brings to the clauses of XSAVE. KVM_SET_XSAVE takes, and KVM_GET_XSAVE keeps, (G and a) or b with two masks of the host,
/// G being what the guest was promised and the host supports.
/// </summary>
internal readonly struct XsaveOffer
{
    private readonly ulong _kept;
    private readonly ulong _hardware;
    private readonly ulong _supported;
    private readonly (ulong And, ulong Or) _set;
    private readonly (ulong And, ulong Or) _get;
    private readonly ulong _grantable;
    private readonly bool _hasXsave;
    private readonly Verdict _withoutXsave;
    private readonly bool _isSetKnown;
    private readonly bool _isGetKnown;
    private readonly XsaveDynamic? _dynamic;
    private readonly XsaveXsave2? _xsave2;
    private readonly int _dynamicSize;
    private readonly int _fullLength;
    private readonly int _filteredLength;

    /// <summary>Packs it; <c>default</c> is never asked.</summary>
    public XsaveOffer(HostFacts host)
    {
        KvmBehaviours behaviours = host.Behaviours;
        _supported = host.Supported.Bits;
        _hasXsave = host.HasXsave;
        _withoutXsave = host.Capability(KvmCapability.Xcrs) switch { null => Verdict.Unknown, 0 => Verdict.Compatible, _ => Verdict.Incompatible };
        (_kept, _hardware) = SetupClauses.RewrittenXcr0(host) is { } rewritten ? (0UL, rewritten.Bits) : (ulong.MaxValue, 0UL);
        ulong enabled = host.Default.Bits;
        ulong dynamic = XFeatures.Dynamic.Bits;
        ulong legacy = XFeatureMask.Legacy.Bits;
        (_set, _isSetKnown) = behaviours.XsaveSetMask switch
        {
            XsaveSetMask.Supported or XsaveSetMask.Default => ((dynamic, enabled), true),
            XsaveSetMask.Guest => ((ulong.MaxValue, 0UL), true),
            XsaveSetMask.GuestAndLegacy => ((ulong.MaxValue, legacy), true),
            _ => (default, false),
        };
        (_get, _isGetKnown) = behaviours.XsaveGetMask switch
        {
            XsaveGetMask.Default => ((dynamic, enabled), true),
            XsaveGetMask.Guest => ((ulong.MaxValue, 0UL), true),
            XsaveGetMask.GuestAndLegacy => ((ulong.MaxValue, legacy), true),
            XsaveGetMask.GuestAndLegacyWithinDefault => ((enabled | dynamic, legacy & enabled), true),
            _ => (default, false),
        };
        _dynamic = behaviours.XsaveDynamic;
        _xsave2 = behaviours.XsaveXsave2;
        _grantable = _dynamic == XsaveDynamic.Permission ? (XFeatures.Dynamic & host.Kernel).Bits : 0;
        _dynamicSize = host.SizeOf(host.Default | (host.Supported & XFeatures.Dynamic));
        _fullLength = LengthOf(host, XFeatures.Dynamic);
        _filteredLength = LengthOf(host, XFeatureMask.None);
    }

    /// <summary>The clauses that these masks decide.</summary>
    public static ImmutableArray<RefusalRule> Clauses { get; } =
    [
        ClauseTable.CpuidSetDynamicPermission, ClauseTable.XsaveSetBuffer, ClauseTable.XsaveSetSupported, ClauseTable.XsaveSetEnabled, ClauseTable.XsaveSetPromised,
        ClauseTable.XsaveSetWithoutXsave, ClauseTable.XsaveGetSize, ClauseTable.XsaveGetBuffer, ClauseTable.XsaveGetLost, ClauseTable.XsaveGetDropped, ClauseTable.XcrsPromised, ClauseTable.XcrsWithoutXsave,
    ];

    /// <summary>Is everything right, without a look at what is rare?</summary>
    public bool IsKept(in XsaveNeeds guest)
    {
        ulong stored = Stored(guest);
        ulong promised = stored & _supported;
        ulong lost = (guest.Image & ~(_supported & ((promised & _set.And) | _set.Or)))
            | (guest.InUse & ~(guest.Image & ((promised & _get.And) | _get.Or)))
            | (guest.Enabled & ~promised)
            | (stored & XFeatures.Dynamic.Bits);
        return lost == 0 && _hasXsave && _isSetKnown && _isGetKnown;
    }

    /// <summary>What KVM_SET_CPUID2 comes to; unknown ends the judgement.</summary>
    public Verdict Cpuid(in XsaveNeeds guest)
    {
        bool asks = (Stored(guest) & XFeatures.Dynamic.Bits & ~(guest.Requested & _grantable)) != 0;
        return !asks ? Verdict.Compatible : _dynamic switch
        {
            null => Verdict.Unknown,
            XsaveDynamic.Permission => Verdict.Incompatible,
            _ => Verdict.Compatible,
        };
    }

    /// <summary>What loading and saving the state comes to.</summary>
    public Verdict Load(in XsaveNeeds guest)
    {
        ulong promised = Stored(guest) & _supported;
        Verdict xcr0 = !guest.HasXcr0 ? Verdict.Compatible
            : !_hasXsave ? _withoutXsave
            : (guest.Enabled & ~promised) == 0 ? Verdict.Compatible
            : Verdict.Incompatible;
        Verdict set = Set(guest, promised);
        return Severities.Worse(xcr0, set) < Verdict.Incompatible ? Severities.Worse(xcr0, Severities.Worse(set, Get(guest, promised, set))) : Verdict.Incompatible;
    }

    private static int LengthOf(HostFacts host, XFeatureMask permitted) => Math.Max(TransferPlan.LegacyXsaveSize, StateLoad.Xsave2Size(host, permitted));

    /// <summary>The bytes of the VMM's buffer here.</summary>
    private int LengthFor(in XsaveNeeds guest) => (guest.Requested & _grantable) != 0 ? _fullLength : _filteredLength;

    /// <summary>Leaf 0DH as KVM keeps it.</summary>
    private ulong Stored(in XsaveNeeds guest) => (guest.Promised & (_kept | ~guest.Rewritable)) | (_hardware & guest.Rewritable);

    private Verdict Set(in XsaveNeeds guest, ulong promised)
    {
        bool dynamic = (promised & XFeatures.Dynamic.Bits) != 0;
        if (dynamic && Math.Max(guest.Length, LengthFor(guest)) < _dynamicSize)
        {
            return _xsave2 is null ? Verdict.Unknown : Verdict.Incompatible;
        }

        if ((guest.Image & ~(_hasXsave ? _supported : XFeatureMask.Legacy.Bits)) != 0)
        {
            return Verdict.Incompatible;
        }

        return !_hasXsave ? Verdict.Compatible
            : !_isSetKnown ? Verdict.Unknown
            : (guest.Image & ~((promised & _set.And) | _set.Or)) != 0 ? Verdict.Incompatible
            : Verdict.Compatible;
    }

    private Verdict Get(in XsaveNeeds guest, ulong promised, Verdict set)
    {
        if (!_hasXsave)
        {
            return (guest.InUse & ~XFeatureMask.Legacy.Bits) != 0 ? Verdict.Incompatible : Verdict.Compatible;
        }

        bool dynamic = (promised & XFeatures.Dynamic.Bits) != 0;
        int room = _xsave2 == XsaveXsave2.Absent ? TransferPlan.LegacyXsaveSize : LengthFor(guest);
        if (dynamic && _xsave2 is not null && _dynamicSize > room)
        {
            return Verdict.Incompatible;
        }

        bool lost = set == Verdict.Compatible && (guest.InUse & ~(guest.Image & ((promised & _get.And) | _get.Or))) != 0;
        return !_isGetKnown ? Verdict.Unknown : lost ? Verdict.Incompatible : dynamic && _xsave2 is null ? Verdict.Unknown : Verdict.Compatible;
    }
}
