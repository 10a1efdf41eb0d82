namespace Portolan.X86.Xsave;

/// <summary>What CPUID leaf 0DH says of one component (SDM vol. 1, 13.2).</summary>
/// <param name="Component">The bit in XCR0 or IA32_XSS, 2 or more.</param>
/// <param name="Offset">Bytes from the start of a standard-format image; 0 for a supervisor component.</param>
/// <param name="Size">Bytes.</param>
/// <param name="IsSupervisor">ECX[0]: enabled in IA32_XSS.</param>
/// <param name="Align64">ECX[1]: aligned to 64 bytes in the compacted format.</param>
/// <param name="HasXfd">ECX[2]: IA32_XFD can disable it.</param>
public readonly record struct XsaveComponent(int Component, int Offset, int Size, bool IsSupervisor, bool Align64, bool HasXfd)
{
    /// <summary>The first byte after it in a standard-format image.</summary>
    public int End => Offset + Size;

    /// <summary>Name, place: <c>pkru (9) at 2688, 8 bytes</c>.</summary>
    public override string ToString()
    {
        string name = XFeatureTable.TryFind(Component, out XFeature? feature) ? feature.ToString() : $"({Component})";
        return IsSupervisor ? $"{name}, {Size} bytes, supervisor" : $"{name} at {Offset}, {Size} bytes";
    }
}
