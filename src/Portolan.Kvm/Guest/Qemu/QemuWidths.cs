using System.Globalization;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>CPUID.80000008H:EAX[7:0] and [23:16]: the physical-address width, and the part of it that a guest may map.</summary>
internal readonly record struct QemuWidths(uint Physical, uint Guest)
{
    private const uint Leaf = 0x8000_0008;
    private const uint Default = 40; // TCG_PHYS_ADDR_BITS, which KVM guests get, too

    public static QemuWidths Of(QemuCpuRequest cpu, HostSupport? host, List<string> remarks)
    {
        bool fromHost = cpu.IsOn("host-phys-bits", cpu.Base == QemuCpuBase.Host);
        uint limit = (uint)(cpu.Number("host-phys-bits-limit") ?? 0);
        uint? hosts = host is null ? null : host.Cpuid.GetOrZero(Leaf).Eax & 0xff;
        uint physical = (uint)(cpu.Number("phys-bits") ?? 0);
        if (fromHost && hosts is { } own and not 0)
        {
            physical = limit > 0 ? Math.Min(own, limit) : own;
        }
        else if (fromHost)
        {
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"host-phys-bits: the host's width is not known, {(physical == 0 ? Default : physical)} bits are promised"));
        }
        else if (hosts is { } other and not 0 && physical > other)
        {
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"phys-bits={physical} is more than the host's {other}"));
        }

        uint guest = (uint)(cpu.Number("guest-phys-bits") ?? (fromHost && host is not null ? host.Cpuid.GetOrZero(Leaf).Eax >> 16 & 0xff : 0));
        return new(physical == 0 ? Default : physical, guest > physical ? 0 : guest);
    }
}
