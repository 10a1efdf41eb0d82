namespace Portolan.X86.Models;

/// <summary>Whose CPU model it is.</summary>
public enum CpuModelOrigin
{
    /// <summary>QEMU's, by version (target/i386/cpu.c).</summary>
    Qemu,

    /// <summary>libvirt's (src/cpu_map).</summary>
    Libvirt,
}
