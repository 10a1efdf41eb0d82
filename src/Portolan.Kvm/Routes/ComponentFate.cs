namespace Portolan.Kvm.Routes;

/// <summary>What became of an XSAVE component at a point of a route.</summary>
public enum ComponentFate
{
    /// <summary>It is in the saved image, with the content it had.</summary>
    Carried,

    /// <summary>KVM_GET_XSAVE left it out; the guest was never promised it.</summary>
    Dropped,

    /// <summary>KVM_GET_XSAVE left it out, though the guest was promised it: its content is gone.</summary>
    Lost,

    /// <summary>It is in the saved image with another content: the hosts keep it at different places.</summary>
    Corrupted,

    /// <summary>KVM_SET_XSAVE refused the image that carried it, because of it.</summary>
    Refused,

    /// <summary>It was in an image that was never loaded.</summary>
    NotLoaded,

    /// <summary>The guest was promised it and this host does not have it.</summary>
    Unavailable,
}

/// <summary>What became of one component at one host.</summary>
/// <param name="Hop">How many hops lie behind the host.</param>
/// <param name="Component">The component's number.</param>
/// <param name="Fate">What became of it.</param>
public readonly record struct ComponentAt(int Hop, int Component, ComponentFate Fate);
