using System.Globalization;
using Portolan.X86.Features;

namespace Portolan.X86.Xsave;

/// <summary>An XSAVE state component: one row of data/x86/xfeatures.tsv.</summary>
public sealed record XFeature
{
    private readonly XFeaturePlace?[] _places;

    internal XFeature(
        int component,
        string name,
        bool isSupervisor,
        bool isDynamic,
        int size,
        bool align64,
        bool hasXfd,
        int[] requires,
        string? group,
        string[] needs,
        XFeatureCarriage kvm,
        XFeaturePlace?[] places,
        string? note,
        string source)
    {
        Component = component;
        Name = name;
        IsSupervisor = isSupervisor;
        IsDynamic = isDynamic;
        Size = size;
        Align64 = align64;
        HasXfd = hasXfd;
        Requires = requires.Aggregate(XFeatureMask.None, (mask, index) => mask | XFeatureMask.Of(index));
        Group = group;
        Needs = needs;
        Kvm = kvm;
        _places = places;
        Note = note;
        Source = source;
    }

    /// <summary>The bit in XCR0, IA32_XSS and XSTATE_BV.</summary>
    public int Component { get; }

    /// <summary>Our name, lower case.</summary>
    public string Name { get; }

    /// <summary>Is it enabled in IA32_XSS, and never in the uabi buffer?</summary>
    public bool IsSupervisor { get; }

    /// <summary>Must a process ask for it (ARCH_REQ_XCOMP_GUEST_PERM, contract X22 to X24)?</summary>
    public bool IsDynamic { get; }

    /// <summary>Bytes.</summary>
    public int Size { get; }

    /// <summary>Is it aligned to 64 bytes in the compacted format?</summary>
    public bool Align64 { get; }

    /// <summary>Can IA32_XFD disable it?</summary>
    public bool HasXfd { get; }

    /// <summary>The components that XCR0 must have with it.</summary>
    public XFeatureMask Requires { get; }

    /// <summary>The all-or-none group it is in, or null.</summary>
    public string? Group { get; }

    /// <summary>Our names of the CPUID features behind it; any one suffices.</summary>
    public IReadOnlyList<string> Needs { get; }

    /// <summary>Whether and how KVM carries it.</summary>
    public XFeatureCarriage Kvm { get; }

    /// <summary>A remark, or null.</summary>
    public string? Note { get; }

    /// <summary>Where the facts are from.</summary>
    public string Source { get; }

    /// <summary>The set of this component alone.</summary>
    public XFeatureMask Mask => XFeatureMask.Of(Component);

    /// <summary>The CPUID features behind it.</summary>
    public IEnumerable<CpuidFeature> Features => Needs.Select(FeatureTable.Get);

    /// <summary>Where a layout family has it in the standard format; null where the family lacks it or that is not known.</summary>
    public XFeaturePlace? In(XsaveLayoutFamily family) => _places[(int)family];

    /// <summary>Name and number: <c>pkru (9)</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} ({Component})");

    /// <summary>Two rows are the same row or they differ.</summary>
    public bool Equals(XFeature? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Component;
}
