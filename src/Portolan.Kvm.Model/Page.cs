namespace Portolan.Kvm.Model;

/// <summary>The page of guest memory.</summary>
internal static class Page
{
    /// <summary>Bytes of a page.</summary>
    public const int Size = 4096;
}
