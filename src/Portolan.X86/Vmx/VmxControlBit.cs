namespace Portolan.X86.Vmx;

/// <summary>One bit of a group.</summary>
public readonly record struct VmxControlBit(VmxControlGroup Group, int Bit)
{
    /// <summary>The bit as a mask.</summary>
    public ulong Mask => 1UL << Bit;

    /// <summary>The table's row of the bit, or null for a bit without one.</summary>
    public VmxControl? Row => VmxControls.Find(Group, Bit);

    /// <summary><c>Exit[12] load IA32_PERF_GLOBAL_CTRL</c>.</summary>
    public override string ToString() => Row is { } row ? $"{Group}[{Bit}] {row.Name}" : $"{Group}[{Bit}]";
}
