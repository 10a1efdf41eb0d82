using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Named;

/// <summary>
/// The bits of feature MSRs that QEMU's and libvirt's names tell. A name that is off tells something only while what it hangs on is
/// on: QEMU clears it otherwise, whatever KVM has in the MSR (QEMU target/i386/cpu.c, feature_dependencies).
/// </summary>
internal static class NamedMsrs
{
    private const int Half = 32;

    /// <summary>The CPUID feature that announces an MSR.</summary>
    private static readonly Dictionary<uint, string> OfMsr = new()
    {
        [MsrIndex.Ia32ArchCapabilities] = "arch-capabilities",
        [MsrIndex.Ia32CoreCapabilities] = "core-capability",
        [MsrIndex.Ia32PerfCapabilities] = "pdcm",
    };

    /// <summary>The CPUID feature that a VMX control is about.</summary>
    private static readonly Dictionary<string, string> OfControl = new(StringComparer.Ordinal)
    {
        ["vmx-entry-ia32e-mode"] = "lm",
        ["vmx-entry-load-bndcfgs"] = "mpx",
        ["vmx-exit-clear-bndcfgs"] = "mpx",
        ["vmx-invpcid-exit"] = "invpcid",
        ["vmx-rdrand-exit"] = "rdrand",
        ["vmx-rdseed-exit"] = "rdseed",
        ["vmx-rdtscp-exit"] = "rdtscp",
        ["vmx-xsaves"] = "xsaves",
    };

    private static readonly CpuidFeature Vmx = FeatureTable.Get("vmx");
    private static readonly VmxControl Secondary = Control("vmx-secondary-ctls");
    private static readonly VmxControl Ept = Control("vmx-ept");
    private static readonly VmxControl Vpid = Control("vmx-vpid");
    private static readonly VmxControl Functions = Control("vmx-vmfunc");
    private static readonly VmxControl Unrestricted = Control("vmx-unrestricted-guest");

    /// <summary>The MSRs outside VMX in the order of their numbers, each with the feature that announces it.</summary>
    private static readonly (uint Index, CpuidFeature? Announced)[] Plain =
        [.. NamedRows.Msrs.ToArray().Select(static index => (index, OfMsr.TryGetValue(index, out string? feature) ? FeatureTable.Get(feature) : null))];

    /// <summary>The controls of one bit, each with the feature that it is about.</summary>
    private static readonly (VmxControl Control, CpuidFeature? About)[] Controls =
    [
        .. VmxControls.All.Where(static control => control.Low == control.High)
            .Select(static control => (control, control.Qemu is { } name && OfControl.TryGetValue(name, out string? feature) ? FeatureTable.Get(feature) : null)),
    ];

    /// <summary>The MSRs of which something was told, as KVM offers them; null for none.</summary>
    /// <param name="cpu">What was told of KVM by QEMU's or libvirt's names.</param>
    /// <param name="evidence">The evidence.</param>
    public static Fact<ImmutableArray<PartlyKnownMsr>>? Of(NamedCpu cpu, Evidence evidence)
    {
        SortedDictionary<uint, (ulong Value, ulong Known)> msrs = [];
        for (int slot = 0; slot < Plain.Length; slot++)
        {
            (ulong value, ulong known) = cpu.Msr(slot);
            if (known != 0)
            {
                Add(msrs, Plain[slot].Index, value, Plain[slot].Announced is not { } feature || IsOn(cpu, feature) ? known : value);
            }
        }

        foreach ((VmxControl control, CpuidFeature? about) in Controls)
        {
            if (Told(cpu, control) is { } on && (on || IsOpen(cpu, control, about)))
            {
                Add(msrs, control, on);
            }
        }

        PartlyKnownMsr[] told = [.. msrs.Where(static row => row.Value.Known != 0).Select(static row => new PartlyKnownMsr(row.Key, row.Value.Value, row.Value.Known))];
        return told.Length == 0 ? null : new([.. told], evidence);
    }

    /// <summary>
    /// A control's property says that KVM allows both settings. One that is off may not be 1, or, in the default1 class, must be 1; KVM
    /// demands a 1 of no other (arch/x86/kvm/vmx/nested.c, nested_vmx_setup_ctls_msrs; SDM vol. 3D A.2).
    /// </summary>
    private static void Add(SortedDictionary<uint, (ulong Value, ulong Known)> msrs, VmxControl control, bool on)
    {
        if (!VmxReadings.HasAllowedZero(control.Group))
        {
            Add(msrs, IndexOf(control.Group), on ? control.Mask : 0, control.Mask);
            return;
        }

        ulong must = control.Default1 && !on ? control.Mask : 0;
        ulong may = control.Default1 || on ? control.Mask << Half : 0;
        Add(msrs, IndexOf(control.Group), must | may, control.Mask | control.Mask << Half);
    }

    private static void Add(SortedDictionary<uint, (ulong Value, ulong Known)> msrs, uint index, ulong value, ulong known)
    {
        (ulong before, ulong knownBefore) = msrs.GetValueOrDefault(index);
        msrs[index] = (before | value, knownBefore | known);
    }

    /// <summary>Is everything on that a control which is off hangs on?</summary>
    private static bool IsOpen(NamedCpu cpu, VmxControl control, CpuidFeature? about)
        => IsOn(cpu, Vmx)
            && (about is null || IsOn(cpu, about))
            && (control == Unrestricted ? Told(cpu, Ept) is true : Gate(control) is not { } gate || Told(cpu, gate) is true)
            && (control.Group != VmxControlGroup.Secondary || Told(cpu, Secondary) is true);

    private static VmxControl? Gate(VmxControl control) => control.Group switch
    {
        VmxControlGroup.EptVpidCap => control.Low < Half ? Ept : Vpid,
        VmxControlGroup.VmFunctions => Functions,
        _ => null,
    };

    private static bool IsOn(NamedCpu cpu, CpuidFeature feature) => cpu.Known(feature) is true;

    private static bool? Told(NamedCpu cpu, VmxControl control)
        => cpu.Vmx(control.Group) is var (value, known) && (known & control.Mask) == control.Mask ? (value & control.Mask) != 0 : null;

    private static VmxControl Control(string qemu) => VmxControls.All.First(control => control.Qemu == qemu);

    /// <summary>The MSR that QEMU takes a group's names from: the TRUE form where there is one.</summary>
    private static uint IndexOf(VmxControlGroup group) => group switch
    {
        VmxControlGroup.PinBased => MsrIndex.Ia32VmxTruePinbasedCtls,
        VmxControlGroup.Primary => MsrIndex.Ia32VmxTrueProcbasedCtls,
        VmxControlGroup.Secondary => MsrIndex.Ia32VmxProcbasedCtls2,
        VmxControlGroup.Tertiary => MsrIndex.Ia32VmxProcbasedCtls3,
        VmxControlGroup.Exit => MsrIndex.Ia32VmxTrueExitCtls,
        VmxControlGroup.SecondaryExit => MsrIndex.Ia32VmxExitCtls2,
        VmxControlGroup.Entry => MsrIndex.Ia32VmxTrueEntryCtls,
        VmxControlGroup.Misc => MsrIndex.Ia32VmxMisc,
        VmxControlGroup.EptVpidCap => MsrIndex.Ia32VmxEptVpidCap,
        VmxControlGroup.Basic => MsrIndex.Ia32VmxBasic,
        _ => MsrIndex.Ia32VmxVmfunc,
    };
}
