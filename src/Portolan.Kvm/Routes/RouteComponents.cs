using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>Follows each XSAVE component along a route.</summary>
internal sealed class RouteComponents(XFeatureMask promised)
{
    private readonly List<ComponentAt> _fates = [];
    private readonly List<MovedComponent> _moved = [];
    private SortedDictionary<int, byte[]> _expected = [];
    private int _hop;

    internal XFeatureMask Promised => promised;

    internal bool LosesState => _fates.Any(at => at.Fate is ComponentFate.Lost or ComponentFate.Corrupted or ComponentFate.NotLoaded);

    internal ImmutableArray<MovedComponent> Moved => [.. _moved];

    internal ImmutableArray<ComponentAt> All => [.. _fates];

    internal void Enter(int hop, RouteHost host)
    {
        _hop = hop;
        Note(promised.Except(host.SupportedXcr0 | XFeatureMask.Legacy), ComponentFate.Unavailable);
    }

    /// <summary>The components in use at the start, and what they hold.</summary>
    internal void Start(ReadOnlySpan<byte> image, XsaveLayout layout) => _expected = ComponentContent.InUse(image, layout);

    /// <summary>Components got into use on the way.</summary>
    internal void Add(ReadOnlySpan<byte> image, XsaveLayout layout, XFeatureMask components)
    {
        foreach ((int component, byte[] content) in ComponentContent.InUse(image, layout).Where(held => components[held.Key]))
        {
            _expected[component] = content;
        }
    }

    /// <summary>An image of one layout is about to be read by a host of another.</summary>
    internal void Arrive(ReadOnlySpan<byte> image, XsaveLayout saved, XsaveLayout here)
    {
        if (!ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            return;
        }

        foreach (int component in saved.DifferencesFrom(here, view.XstateBv).Components())
        {
            if (saved.TryGet(component, out XsaveComponent there))
            {
                _moved.Add(new MovedComponent(_hop, component, (there.Offset, there.Size), here.TryGet(component, out XsaveComponent place) ? (place.Offset, place.Size) : null));
            }
        }
    }

    /// <summary>An image was saved: what is in it, what was left out, what changed.</summary>
    internal void Saved(ReadOnlySpan<byte> image, XsaveLayout layout)
    {
        SortedDictionary<int, byte[]> saved = ComponentContent.InUse(image, layout);
        foreach ((int component, byte[] expected) in _expected)
        {
            ComponentFate fate = !saved.TryGetValue(component, out byte[]? content) ? promised[component] ? ComponentFate.Lost : ComponentFate.Dropped
                : content.AsSpan().SequenceEqual(expected) ? ComponentFate.Carried
                : ComponentFate.Corrupted;
            _fates.Add(new ComponentAt(_hop, component, fate));
        }

        foreach (int gone in _expected.Keys.Where(component => !saved.ContainsKey(component)).ToArray())
        {
            _expected.Remove(gone);
        }
    }

    /// <summary>An image was not loaded: which components the host refused, and which went down with them.</summary>
    internal void NotLoaded(ReadOnlySpan<byte> image, RestoreResult result, RestoreOrder order, RouteHost host)
    {
        if (!result.NotLoaded(order).Contains(VcpuPart.Xsave) || !ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            return;
        }

        XFeatureMask unwelcome = result.Failed.Part == VcpuPart.Xsave ? Unwelcome(view.XstateBv, host) : XFeatureMask.None;
        Note(unwelcome, ComponentFate.Refused);
        Note(view.XstateBv.Except(unwelcome), ComponentFate.NotLoaded);
        _expected.Clear();
    }

    /// <summary>Of a refused image: what the host does not support, else what the guest was not promised; else all of it.</summary>
    private XFeatureMask Unwelcome(XFeatureMask components, RouteHost host)
    {
        XFeatureMask unsupported = components.Except(host.SupportedXcr0 | XFeatureMask.Legacy);
        XFeatureMask unpromised = components.Except(promised);
        return !unsupported.IsEmpty ? unsupported : !unpromised.IsEmpty ? unpromised : components;
    }

    private void Note(XFeatureMask components, ComponentFate fate)
        => _fates.AddRange(components.Components().Select(component => new ComponentAt(_hop, component, fate)));
}
