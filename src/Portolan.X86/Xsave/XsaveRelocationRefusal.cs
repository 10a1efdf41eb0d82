namespace Portolan.X86.Xsave;

/// <summary>Why an image cannot move to another layout.</summary>
/// <param name="Component">The component it fails at; null where the image as a whole does.</param>
/// <param name="Problem">The kind of reason.</param>
/// <param name="Detail">The places or lengths that do not agree, for people.</param>
public sealed record XsaveRelocationRefusal(int? Component, XsaveRelocationProblem Problem, string Detail)
{
    /// <summary>The kind and the detail.</summary>
    public override string ToString() => $"{Problem}: {Detail}";
}
