using Portolan.X86.Cpuid;

namespace Portolan.X86.Xsave;

/// <summary>
/// Where each component of 2 and more lies in a standard-format XSAVE image, and how big it is: what one processor's CPUID leaf
/// 0DH says. Components 0 and 1 and the header always have the same place (SDM vol. 1, 13.4).
/// </summary>
public sealed class XsaveLayout : IEquatable<XsaveLayout>
{
    /// <summary>The bytes of the legacy region and the header: an image without extended components.</summary>
    public const int MinimumSize = 576;

    internal const int FirstExtended = 2;
    internal const int ComponentLimit = 63;
    private const int CompactedAlignment = 64;

    private readonly XsaveComponent[] _components;
    private readonly XsaveComponent[] _byOffset;

    internal XsaveLayout(IEnumerable<XsaveComponent> components)
    {
        _components = [.. components.OrderBy(component => component.Component)];
        _byOffset = [.. _components.Where(component => !component.IsSupervisor).OrderBy(component => component.Offset)];
        foreach (XsaveComponent component in _components)
        {
            if (component.IsSupervisor)
            {
                SupervisorMask |= XFeatureMask.Of(component.Component);
            }
            else
            {
                UserMask |= XFeatureMask.Of(component.Component);
            }
        }
    }

    /// <summary>The layout without extended components: a processor without XSAVE, or a table without leaf 0DH.</summary>
    public static XsaveLayout Legacy { get; } = new([]);

    /// <summary>The extended components, ascending by number.</summary>
    public ReadOnlySpan<XsaveComponent> Components => _components;

    /// <summary>The user components, ascending by offset.</summary>
    public ReadOnlySpan<XsaveComponent> ByOffset => _byOffset;

    /// <summary>The user components that have a place, x87 and SSE among them.</summary>
    public XFeatureMask UserMask { get; } = XFeatureMask.Legacy;

    /// <summary>The supervisor components that have a size.</summary>
    public XFeatureMask SupervisorMask { get; }

    /// <summary>
    /// Reads leaf 0DH of a table; <see cref="Legacy"/> where it has none. An impossible leaf gives the faults instead, all of them.
    /// </summary>
    public static bool TryFrom(CpuidTable table, out XsaveLayout layout, out IReadOnlyList<XsaveLayoutFault> faults)
    {
        ArgumentNullException.ThrowIfNull(table);
        List<XsaveComponent> components = XsaveLeaf.ReadComponents(table);
        faults = XsaveLeaf.Check(table, components);
        layout = faults.Count == 0 ? new XsaveLayout(components) : Legacy;
        return faults.Count == 0;
    }

    /// <summary>
    /// The layout a family's processor with these components would have; null where the family lacks one of them or its place is
    /// not known. A prediction: a host's own leaf 0DH decides.
    /// </summary>
    public static XsaveLayout? Predict(XsaveLayoutFamily family, XFeatureMask components)
    {
        List<XsaveComponent> places = [];
        foreach (int index in components.Except(XFeatureMask.Legacy).Components())
        {
            if (!XFeatureTable.TryFind(index, out XFeature? feature))
            {
                return null;
            }

            if (feature.IsSupervisor)
            {
                places.Add(new(index, 0, feature.Size, true, feature.Align64, feature.HasXfd));
            }
            else if (feature.In(family) is XFeaturePlace place)
            {
                places.Add(new(index, place.Offset, place.Size, false, feature.Align64, feature.HasXfd));
            }
            else
            {
                return null;
            }
        }

        return new XsaveLayout(places);
    }

    /// <summary>The place and size of a component of 2 or more, if the layout has it.</summary>
    public bool TryGet(int component, out XsaveComponent found)
    {
        foreach (XsaveComponent candidate in _components)
        {
            if (candidate.Component == component)
            {
                found = candidate;
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>
    /// The bytes of a standard-format image that holds these components: to the end of the one that lies last, 576 at least
    /// (KVM's xstate_required_size). Components without a place count nothing.
    /// </summary>
    public int TotalSize(XFeatureMask components)
    {
        int size = MinimumSize;
        foreach (XsaveComponent component in _byOffset)
        {
            if (components[component.Component])
            {
                size = Math.Max(size, component.End);
            }
        }

        return size;
    }

    /// <summary>The bytes of a compacted image of these user and supervisor components (SDM vol. 1, 13.4.3).</summary>
    public int CompactedSize(XFeatureMask components)
    {
        int size = MinimumSize;
        foreach (XsaveComponent component in _components)
        {
            if (components[component.Component])
            {
                int start = component.Align64 ? (size + CompactedAlignment - 1) & -CompactedAlignment : size;
                size = start + component.Size;
            }
        }

        return size;
    }

    /// <summary>
    /// The components of a set that the layouts do not have alike, in place, size or kind, or that one of them lacks. Between two
    /// layouts that agree on a set, an image of that set moves byte by byte (contract X4).
    /// </summary>
    public XFeatureMask DifferencesFrom(XsaveLayout other, XFeatureMask components)
    {
        ArgumentNullException.ThrowIfNull(other);
        XFeatureMask differ = XFeatureMask.None;
        foreach (int index in components.Except(XFeatureMask.Legacy).Components())
        {
            bool here = TryGet(index, out XsaveComponent mine);
            bool there = other.TryGet(index, out XsaveComponent theirs);
            if (!here || !there || mine != theirs)
            {
                differ |= XFeatureMask.Of(index);
            }
        }

        return differ;
    }

    /// <inheritdoc/>
    public bool Equals(XsaveLayout? other) => other is not null && _components.AsSpan().SequenceEqual(other._components);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as XsaveLayout);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (XsaveComponent component in _components)
        {
            hash.Add(component);
        }

        return hash.ToHashCode();
    }

    /// <summary>The components, separated by semicolons.</summary>
    public override string ToString() => string.Join("; ", _components);
}
