namespace Portolan.X86.Xsave;

/// <summary>Where a component lies in a standard-format image.</summary>
/// <param name="Offset">Bytes from the image's start.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct XFeaturePlace(int Offset, int Size);
