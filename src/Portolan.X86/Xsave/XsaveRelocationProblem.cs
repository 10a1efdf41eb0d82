namespace Portolan.X86.Xsave;

/// <summary>The kinds of reasons for which an image stays where it is.</summary>
public enum XsaveRelocationProblem : byte
{
    /// <summary>The source or the destination is shorter than what it must hold.</summary>
    TooShort,

    /// <summary>XSTATE_BV has a component that the source's layout or length has no room for.</summary>
    SourceLacks,

    /// <summary>XSTATE_BV has a component that the destination's layout lacks.</summary>
    DestinationLacks,

    /// <summary>The component has another size there.</summary>
    SizesDiffer,
}
