using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>The feature MSRs that QEMU writes once the vCPU exists (target/i386/kvm/kvm.c kvm_init_msrs).</summary>
internal static class QemuFeatureMsrs
{
    private static readonly (uint Index, string Feature)[] Written =
    [
        (MsrIndex.Ia32ArchCapabilities, "arch-capabilities"),
        (MsrIndex.Ia32CoreCapabilities, "core-capability"),
        (MsrIndex.Ia32PerfCapabilities, "pdcm"),
    ];

    public static MsrTable Of(QemuFeatures features, HostSupport? host, CpuidTable cpuid, List<string> remarks)
    {
        QemuProperty[] properties = [.. features.Properties];
        List<MsrValue> values = [];
        foreach ((uint index, string feature) in Written.Where(written => cpuid.Has(written.Feature)))
        {
            ulong value = properties.SelectMany(property => property.Msr).Where(bits => bits.Msr == index).Aggregate(0UL, (mask, bits) => mask | bits.Mask);
            values.Add(new MsrValue(index, value));
        }

        if (cpuid.Has("vmx") && host?.Vmx is { } vmx)
        {
            values.AddRange(QemuVmxMsrs.Of(properties, vmx, cpuid.Has("lm"), cpuid.Has("fred")));
        }
        else if (cpuid.Has("vmx"))
        {
            remarks.Add(host is null
                ? "the VMX capability MSRs are not promised: parts of them are the host's (--host)"
                : "the VMX capability MSRs are not promised: the snapshot does not know the host's");
        }

        return MsrTable.From(values);
    }
}
