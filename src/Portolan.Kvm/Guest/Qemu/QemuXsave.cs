using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>Leaf 0DH as QEMU makes it: a component for each feature that needs one, at the host's places (x86_cpu_enable_xsave_components).</summary>
internal static class QemuXsave
{
    /// <summary>The components that QEMU knows areas for (x86_ext_save_areas).</summary>
    private static readonly string[] Areas =
        ["avx", "bndregs", "bndcsr", "opmask", "zmm-hi256", "hi16-zmm", "pkru", "cet-u", "cet-s", "lbr", "xtilecfg", "xtiledata", "apx"];

    /// <summary>The components that the features need.</summary>
    public static XFeatureMask Components(CpuidTable features)
        => !features.Has("xsave")
            ? XFeatureMask.None
            : Areas.Select(XFeatureTable.Get).Where(component => component.Features.Any(features.Has))
                .Aggregate(XFeatureMask.Legacy, static (mask, component) => mask | component.Mask);

    /// <summary>The table with leaf 0DH; QEMU asks the host's permission for dynamic components by itself (contract X23).</summary>
    public static CpuidTable Write(CpuidTable features, XFeatureMask components, HostSnapshot? host, XsaveLayoutFamily family, List<string> remarks)
    {
        if (components.IsEmpty || !features.Has("xsave"))
        {
            return features.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf);
        }

        XFeatureMask user = components & XFeatureTable.User;
        XFeatureMask supervisor = features.Has("xsaves") ? components & XFeatureTable.Supervisor : XFeatureMask.None;
        if (host is not null)
        {
            XFeatureMask offered = XsaveLeaf.Xcr0(host.SupportedCpuid!.Value) | ((host.SupportedXcr0?.Value ?? XFeatureMask.None) & XFeatureTable.Dynamic);
            Drop(ref user, offered, IsKnown(host, 0), remarks);
            Drop(ref supervisor, XsaveLeaf.Xss(host.SupportedCpuid.Value), IsKnown(host, 1), remarks);
        }

        XsaveLayout? layout = LayoutOf(host, user | supervisor) ?? XsaveLayout.Predict(family, user);
        if (layout is null)
        {
            remarks.Add($"where {XFeatureTable.Names(user)} are in an XSAVE image is not known: leaf 0DH is left out");
            return features.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf);
        }

        if (host is null)
        {
            remarks.Add($"leaf 0DH has the places that {family.ToString().ToUpperInvariant()} CPUs usually have; a host's own decide (--host)");
            supervisor &= layout.SupervisorMask;
        }

        return XsaveLeaf.Write(features, layout, user, supervisor);
    }

    private static XsaveLayout? LayoutOf(HostSnapshot? host, XFeatureMask wanted)
    {
        foreach (CpuidTable? table in new[] { host?.SupportedCpuid?.Value, host?.NativeCpuid?.Value })
        {
            if (table is not null && XsaveLayout.TryFrom(table, out XsaveLayout layout, out _) && wanted.IsSubsetOf(layout.UserMask | layout.SupervisorMask | XFeatureMask.Legacy))
            {
                return layout;
            }
        }

        return null;
    }

    /// <summary>Does the snapshot tell which components a subleaf of leaf 0DH names?</summary>
    private static bool IsKnown(HostSnapshot host, uint subleaf)
    {
        CpuidAddress address = new(XsaveLeaf.Leaf, subleaf);
        bool told = !host.SupportedCpuidIsPartial || host.SupportedCpuid!.Value.Contains(address);
        return told && (host.UnknownCpuidBits?.GetOrZero(address.Leaf, address.Subleaf) ?? default) is { Eax: 0, Ecx: 0, Edx: 0 };
    }

    private static void Drop(ref XFeatureMask components, XFeatureMask offered, bool known, List<string> remarks)
    {
        XFeatureMask gone = components.Except(offered);
        if (!gone.IsEmpty)
        {
            remarks.Add(known
                ? $"dropped, because the host does not offer them: the state components {XFeatureTable.Names(gone)}"
                : $"not promised, because the snapshot does not know whether the host has them: the state components {XFeatureTable.Names(gone)}");
            components &= offered;
        }
    }
}
