using System.Collections.Immutable;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>Follows each XSAVE component along a route: which are in use and, unless that is not wanted, what they hold.</summary>
internal sealed class RouteComponents(XFeatureMask promised, bool followsContent)
{
    private readonly List<ComponentAt> _fates = [];
    private readonly List<MovedComponent> _moved = [];
    private readonly List<LeftOutComponents> _leftOut = [];
    private readonly SortedDictionary<int, byte[]> _contents = [];
    private XFeatureMask _inUse;
    private int _hop;

    internal XFeatureMask Promised => promised;

    internal bool LosesState => _fates.Any(at => at.Fate is ComponentFate.Lost or ComponentFate.Corrupted or ComponentFate.NotLoaded);

    internal ImmutableArray<MovedComponent> Moved => [.. _moved];

    internal ImmutableArray<LeftOutComponents> LeftOut => [.. _leftOut];

    internal ImmutableArray<ComponentAt> All => [.. _fates];

    internal void Enter(int hop) => _hop = hop;

    /// <summary>What the guest was promised and this host does not support.</summary>
    internal void Unavailable(XFeatureMask supported) => Note(promised.Except(supported | XFeatureMask.Legacy), ComponentFate.Unavailable);

    /// <summary>The components in use at the start, and what they hold; those that IA32_XFD disables are not in use (contract X27).</summary>
    internal void Start(ReadOnlySpan<byte> image, XsaveLayout? layout, XFeatureMask disabled = default)
    {
        Forget();
        if (ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            Add(image, layout, view.XstateBv.Except(disabled));
        }
    }

    /// <summary>Components got into use on the way.</summary>
    internal void Add(ReadOnlySpan<byte> image, XsaveLayout? layout, XFeatureMask components)
    {
        _inUse |= components;
        if (followsContent && layout is not null)
        {
            foreach ((int component, byte[] content) in ComponentContent.InUse(image, layout).Where(held => components[held.Key]))
            {
                _contents[component] = content;
            }
        }
    }

    /// <summary>Nothing is known of what is in use.</summary>
    internal void Forget()
    {
        _inUse = default;
        _contents.Clear();
    }

    /// <summary>An image of one layout is about to be read by a host of another.</summary>
    internal void Arrive(ReadOnlySpan<byte> image, XsaveLayout saved, XsaveLayout here)
    {
        if (!ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            return;
        }

        foreach (int component in view.XstateBv.Except(XFeatureMask.Legacy).Components())
        {
            if (saved.TryGet(component, out XsaveComponent there))
            {
                (int Offset, int Size)? place = here.TryGet(component, out XsaveComponent found) ? (found.Offset, found.Size) : null;
                if (place != (there.Offset, there.Size))
                {
                    _moved.Add(new MovedComponent(_hop, component, (there.Offset, there.Size), place));
                }
            }
        }
    }

    /// <summary>An image was saved: what is in it, what was left out, what changed.</summary>
    internal void Saved(ReadOnlySpan<byte> image, XsaveLayout? layout)
    {
        XFeatureMask saved = ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _) ? view.XstateBv : XFeatureMask.None;
        XFeatureMask gone = _inUse.Except(saved);
        if (!gone.IsEmpty)
        {
            _leftOut.Add(new LeftOutComponents(_hop, gone & promised, gone.Except(promised)));
        }

        if (followsContent)
        {
            Compare(image, layout, saved);
        }

        _inUse &= saved;
    }

    /// <summary>An image was not loaded: which components the host refused, and which went down with them.</summary>
    internal void NotLoaded(ReadOnlySpan<byte> image, bool refused, XFeatureMask supported)
    {
        if (ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            XFeatureMask unwelcome = refused ? Unwelcome(view.XstateBv, supported) : XFeatureMask.None;
            Note(unwelcome, ComponentFate.Refused);
            Note(view.XstateBv.Except(unwelcome), ComponentFate.NotLoaded);
        }

        Forget();
    }

    private void Compare(ReadOnlySpan<byte> image, XsaveLayout? layout, XFeatureMask saved)
    {
        SortedDictionary<int, byte[]> contents = layout is null ? [] : ComponentContent.InUse(image, layout);
        foreach (int component in _inUse.Components())
        {
            bool known = contents.TryGetValue(component, out byte[]? content) && _contents.ContainsKey(component);
            ComponentFate fate = !saved[component] ? promised[component] ? ComponentFate.Lost : ComponentFate.Dropped
                : !known || content.AsSpan().SequenceEqual(_contents[component]) ? ComponentFate.Carried
                : ComponentFate.Corrupted;
            _fates.Add(new ComponentAt(_hop, component, fate));
        }

        foreach (int gone in _inUse.Except(saved).Components())
        {
            _contents.Remove(gone);
        }
    }

    /// <summary>Of a refused image: what the host does not support, else what the guest was not promised; else all of it.</summary>
    private XFeatureMask Unwelcome(XFeatureMask components, XFeatureMask supported)
    {
        XFeatureMask unsupported = components.Except(supported | XFeatureMask.Legacy);
        XFeatureMask unpromised = components.Except(promised);
        return !unsupported.IsEmpty ? unsupported : !unpromised.IsEmpty ? unpromised : components;
    }

    private void Note(XFeatureMask components, ComponentFate fate)
    {
        if (followsContent)
        {
            _fates.AddRange(components.Components().Select(component => new ComponentAt(_hop, component, fate)));
        }
    }
}
