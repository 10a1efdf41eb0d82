using System.Collections.Frozen;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Named;

/// <summary>Every place that a CPU feature's name stands for, in one tool's spelling.</summary>
/// <param name="Cpuid">Bits of CPUID, paravirtual ones included, Hyper-V's left out.</param>
/// <param name="Msr">Bits of feature MSRs.</param>
/// <param name="Vmx">Controls and bits of the VMX capability MSRs.</param>
internal sealed record NamedPlaces(CpuidFeature[] Cpuid, MsrBits[] Msr, VmxControl[] Vmx)
{
    /// <summary>The places of CPUID one by one, as <see cref="NamedCpu"/> keeps them.</summary>
    public CpuidSlot[] Slots { get; } = [.. Cpuid.Select(static feature => new CpuidSlot(NamedRows.SlotOf(feature), feature.RegisterMask))];

    /// <summary>The places of MSRs one by one, as <see cref="NamedCpu"/> keeps them.</summary>
    public MsrSlot[] MsrSlots { get; } = [.. Msr.Select(static bits => new MsrSlot(NamedRows.MsrSlotOf(bits.Msr), bits.Mask))];

    private static readonly Lazy<FrozenDictionary<string, NamedPlaces>> QemuNames = new(() => Index(
        static feature => feature.Qemu is null ? [] : [feature.Qemu], static bits => bits.Qemu, static control => control.Qemu));

    private static readonly Lazy<FrozenDictionary<string, NamedPlaces>> LibvirtNames = new(() => Index(
        static feature => feature.Libvirt, static bits => bits.Libvirt, static control => control.Libvirt));

    /// <summary>By QEMU's property; <c>_</c> and <c>-</c> are the same.</summary>
    public static FrozenDictionary<string, NamedPlaces> Qemu => QemuNames.Value;

    /// <summary>By libvirt's feature name; <c>_</c> and <c>-</c> are the same.</summary>
    public static FrozenDictionary<string, NamedPlaces> Libvirt => LibvirtNames.Value;

    /// <summary>The form in which a name is looked up.</summary>
    public static string Normal(string name) => name.Replace('_', '-');

    private static FrozenDictionary<string, NamedPlaces> Index(
        Func<CpuidFeature, IReadOnlyList<string>> ofCpuid, Func<MsrBits, string?> ofMsr, Func<VmxControl, string?> ofVmx)
    {
        Dictionary<string, (List<CpuidFeature> Cpuid, List<MsrBits> Msr, List<VmxControl> Vmx)> names = new(StringComparer.Ordinal);
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            if (feature.IsBit && feature.Space != CpuidSpace.HyperV)
            {
                foreach (string name in ofCpuid(feature))
                {
                    Of(name).Cpuid.Add(feature);
                }
            }
        }

        foreach (MsrBits bits in KnownMsrs.Bits)
        {
            if (bits.Low == bits.High && ofMsr(bits) is { } name)
            {
                Of(name).Msr.Add(bits);
            }
        }

        foreach (VmxControl control in VmxControls.All)
        {
            if (control.Low == control.High && ofVmx(control) is { } name)
            {
                Of(name).Vmx.Add(control);
            }
        }

        return names.ToFrozenDictionary(
            static pair => pair.Key, static pair => new NamedPlaces([.. pair.Value.Cpuid], [.. pair.Value.Msr], [.. pair.Value.Vmx]), StringComparer.Ordinal);

        (List<CpuidFeature> Cpuid, List<MsrBits> Msr, List<VmxControl> Vmx) Of(string name)
        {
            if (!names.TryGetValue(Normal(name), out (List<CpuidFeature> Cpuid, List<MsrBits> Msr, List<VmxControl> Vmx) lists))
            {
                names.Add(Normal(name), lists = ([], [], []));
            }

            return lists;
        }
    }
}
