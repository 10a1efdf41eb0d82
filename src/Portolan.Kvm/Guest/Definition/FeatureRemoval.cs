using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>Features to leave out, found by any name: CPUID features, bits of feature MSRs, VMX controls, state components.</summary>
internal sealed class FeatureRemoval
{
    private const int Half = 32;

    private readonly List<CpuidFeature> _features = [];
    private readonly List<(uint Index, ulong Mask)> _msrBits = [];
    private XFeatureMask _components;

    /// <summary>The first name that nobody knows, or null.</summary>
    public string? Unknown { get; private init; }

    public static FeatureRemoval Of(IEnumerable<string> names)
    {
        FeatureRemoval removal = new();
        foreach (string name in names)
        {
            if (!removal.TryAdd(name))
            {
                return new FeatureRemoval { Unknown = name };
            }
        }

        return removal;
    }

    public CpuidTable From(CpuidTable table)
    {
        CpuidTable left = _features.Count == 0 ? table : CpuidEdit.Without(table, _features);
        return _components.IsEmpty ? left : CpuidEdit.WithoutXFeatures(left, _components);
    }

    public MsrTable From(MsrTable table)
    {
        MsrTable left = table;
        foreach ((uint index, ulong mask) in _msrBits)
        {
            left = left.TryGet(index, out ulong value) ? left.With(index, value & ~mask) : left;
        }

        return left;
    }

    private bool TryAdd(string name)
    {
        IReadOnlyList<CpuidFeature> features = FeatureTable.FindAll(name);
        _features.AddRange(features);
        bool found = features.Count > 0;
        if (!found && XFeatureTable.TryFind(name, out XFeature? component))
        {
            _components |= component.Mask;
            found = true;
        }

        foreach (MsrBits bits in KnownMsrs.Bits.Where(bits => bits.Libvirt == name || bits.Qemu == name))
        {
            _msrBits.Add((bits.Msr, bits.Mask));
            found = true;
        }

        foreach (VmxControl control in VmxControls.OfQemu(name))
        {
            found |= AddControl(control);
        }

        return found;
    }

    private bool AddControl(VmxControl control)
    {
        (uint index, int shift) = control.Group switch
        {
            VmxControlGroup.PinBased => (MsrIndex.Ia32VmxTruePinbasedCtls, Half),
            VmxControlGroup.Primary => (MsrIndex.Ia32VmxTrueProcbasedCtls, Half),
            VmxControlGroup.Secondary => (MsrIndex.Ia32VmxProcbasedCtls2, Half),
            VmxControlGroup.Exit => (MsrIndex.Ia32VmxTrueExitCtls, Half),
            VmxControlGroup.Entry => (MsrIndex.Ia32VmxTrueEntryCtls, Half),
            VmxControlGroup.Misc => (MsrIndex.Ia32VmxMisc, 0),
            VmxControlGroup.EptVpidCap => (MsrIndex.Ia32VmxEptVpidCap, 0),
            VmxControlGroup.Basic => (MsrIndex.Ia32VmxBasic, 0),
            VmxControlGroup.VmFunctions => (MsrIndex.Ia32VmxVmfunc, 0),
            _ => (0u, 0),
        };
        if (index == 0)
        {
            return false;
        }

        _msrBits.Add((index, control.Mask << shift));
        return true;
    }
}
