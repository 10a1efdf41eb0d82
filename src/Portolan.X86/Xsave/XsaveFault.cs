namespace Portolan.X86.Xsave;

/// <summary>Why bytes are no XSAVE image that can be read or changed as asked.</summary>
/// <param name="Offset">The byte at which it shows.</param>
/// <param name="Expected">What should be there.</param>
/// <param name="Found">What is.</param>
public sealed record XsaveFault(int Offset, string Expected, string Found)
{
    /// <summary>One line: offset, expected, found.</summary>
    public override string ToString() => $"XSAVE image, byte {Offset}: expected {Expected}, found {Found}";
}
