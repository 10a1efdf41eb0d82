using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>
/// Defines a guest from a host: its supported CPUID and feature MSRs, less what was asked to be left out and less what the
/// snapshot does not know. Nothing is promised that the host was not seen to support.
/// </summary>
public static class GuestDefinition
{
    private const uint AddressWidths = 0x80000008;
    private const uint LeastPhysicalWidth = 36;
    private const uint LeastLinearWidth = 48;

    /// <summary>Defines the guest.</summary>
    public static GuestDefinitionAnswer From(HostSnapshot host, GuestRequest request)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(request);
        List<string> remarks = [];
        return Check(host, request) ?? Define(host, request, remarks);
    }

    private static GuestDefinitionAnswer? Check(HostSnapshot host, GuestRequest request)
    {
        if (host.SupportedCpuid is null)
        {
            return Refuse(DefinitionRefusal.Host, "the snapshot does not tell KVM_GET_SUPPORTED_CPUID, so nothing can be promised");
        }

        if (host.MachineTypes is { } types && request.MachineType is { } machine && !types.Value.Contains(machine))
        {
            return Refuse(DefinitionRefusal.Host, $"the host's VMM does not offer the machine type {machine}");
        }

        return request.TscKhz is { } khz && host.TscKhz is { } own && own.Value != khz && Lacks(host, "KVM_CAP_TSC_CONTROL")
            ? Refuse(
                DefinitionRefusal.Host,
                string.Create(CultureInfo.InvariantCulture, $"the host runs at {own.Value} kHz and has no TSC scaling (KVM_CAP_TSC_CONTROL 0): {khz} kHz cannot be given"))
            : null;
    }

    private static GuestDefinitionAnswer Define(HostSnapshot host, GuestRequest request, List<string> remarks)
    {
        CpuidTable cpuid = KnownPart(host, remarks);
        if (PermissionProblem(host, request, ref cpuid) is { } lacking)
        {
            return Refuse(DefinitionRefusal.Host, lacking);
        }

        FeatureRemoval removal = FeatureRemoval.Of(request.Without);
        if (removal.Unknown is { } name)
        {
            return Refuse(DefinitionRefusal.Request, $"'{name}' is no feature that libvirt, QEMU, Linux or portolan names");
        }

        foreach (HostSnapshot other in request.CommonWith)
        {
            if (other.SupportedCpuid is null)
            {
                return Refuse(DefinitionRefusal.Host, $"{other.Name ?? "another host"}: the snapshot does not tell KVM_GET_SUPPORTED_CPUID");
            }

            cpuid = CommonPromise.Of(cpuid, other.SupportedCpuid.Value);
        }

        cpuid = WithoutIdleXfd(removal.From(cpuid));
        string? hyperv = null;
        if (request.Hyperv || request.EnlightenedVmcs)
        {
            (cpuid, hyperv) = HypervPromise.Add(host, request, cpuid);
        }

        if (hyperv is not null)
        {
            return Refuse(DefinitionRefusal.Host, hyperv);
        }

        MsrTable featureMsrs = FeatureMsrPromise.Of(host, cpuid, remarks);
        foreach (HostSnapshot other in request.CommonWith)
        {
            if (CommonPromise.Of(featureMsrs, other, out string? why) is not { } common)
            {
                return Refuse(DefinitionRefusal.Host, $"{other.Name ?? "another host"}: {why}");
            }

            featureMsrs = common;
        }

        GuestContract contract = new()
        {
            Name = request.Name,
            Cpuid = cpuid,
            FeatureMsrs = removal.From(featureMsrs),
            EnlightenedVmcs = request.EnlightenedVmcs,
            GuestPermission = request.Permission & XsaveLeaf.Xcr0(cpuid),
            TscKhz = request.TscKhz,
            MachineType = request.MachineType,
        };
        return new GuestDefinitionAnswer(contract, DefinitionRefusal.None, "", [.. remarks]);
    }

    /// <summary>The host's supported CPUID without the bits nobody knows, and without those that say what the host's kernel does right now.</summary>
    private static CpuidTable KnownPart(HostSnapshot host, List<string> remarks)
    {
        CpuidTable supported = host.SupportedCpuid!.Value;
        CpuidTable known = supported;
        SortedSet<string> left = new(StringComparer.Ordinal);
        foreach (CpuidEntry unknown in host.UnknownCpuidBits ?? CpuidTable.Empty)
        {
            CpuidAddress at = unknown.Address;
            CpuidValues values = supported.GetOrZero(at.Leaf, at.Subleaf);
            if (!supported.Contains(at))
            {
                continue;
            }

            known = known.With(at.Leaf, at.Subleaf, new CpuidValues(
                values.Eax & ~unknown.Values.Eax, values.Ebx & ~unknown.Values.Ebx, values.Ecx & ~unknown.Values.Ecx, values.Edx & ~unknown.Values.Edx));
            foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>())
            {
                left.UnionWith(FeatureTable.At(at, register)
                    .Where(feature => feature.Rule is MigrationRule.Subset && (unknown.Values[register] & feature.RegisterMask) != 0)
                    .Select(static feature => feature.Name));
            }
        }

        if (left.Count > 0)
        {
            remarks.Add($"not promised, because the snapshot does not know whether the host has them: {string.Join(", ", left)}");
        }

        known = WithAbsencesNobodyKnows(WithAddressWidths(known, remarks), host);
        return known.WithValue(FeatureTable.Get("osxsave"), 0).WithValue(FeatureTable.Get("ospke"), 0);
    }

    /// <summary>
    /// A bit that says that something is absent, and that nobody knows of the host, is set: the guest is not promised the thing, and no
    /// host breaks that (contract S1).
    /// </summary>
    private static CpuidTable WithAbsencesNobodyKnows(CpuidTable known, HostSnapshot host)
    {
        CpuidTable table = known;
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            bool unknown = feature is { Space: CpuidSpace.Cpu, IsBit: true, Rule: MigrationRule.Accumulate } && host.UnknownCpuidBits?.Has(feature) is true
                && known.TryGet(feature.Address.Leaf, feature.Address.Subleaf, out _);
            table = unknown ? table.WithValue(feature, 1) : table;
        }

        return table;
    }

    /// <summary>A guest has some address widths; where the host's are not known, those that every host can give.</summary>
    private static CpuidTable WithAddressWidths(CpuidTable known, List<string> remarks)
    {
        CpuidValues widths = known.GetOrZero(AddressWidths);
        if (!known.TryGet(AddressWidths, 0, out _) || (widths.Eax & 0xff) != 0)
        {
            return known;
        }

        remarks.Add($"the host's MAXPHYADDR is not known: {LeastPhysicalWidth} bits are promised (contract C7)");
        uint linear = (widths.Eax >> 8 & 0xff) is var own and not 0 ? own : LeastLinearWidth;
        return known.With(AddressWidths, 0, widths with { Eax = (widths.Eax & 0xffff0000) | linear << 8 | LeastPhysicalWidth });
    }

    /// <summary>Dynamic components are promised only with permission, and permission is given only for what the host has.</summary>
    private static string? PermissionProblem(HostSnapshot host, GuestRequest request, ref CpuidTable cpuid)
    {
        XFeatureMask unasked = XFeatureTable.Dynamic.Except(request.Permission) & XsaveLeaf.Xcr0(cpuid);
        if (!unasked.IsEmpty)
        {
            cpuid = CpuidEdit.WithoutXFeatures(cpuid, unasked);
        }

        XFeatureMask missing = request.Permission.Except(XsaveLeaf.Xcr0(cpuid));
        if (missing.IsEmpty)
        {
            return null;
        }

        if (host.SupportedXcr0 is not { } supported || !missing.IsSubsetOf(supported.Value))
        {
            return $"the host does not support {XFeatureTable.Names(missing)}";
        }

        // Without permission KVM_GET_SUPPORTED_CPUID hides a dynamic component (contract X9); the CPU's own leaf 0DH has its place.
        XFeatureMask all = XsaveLeaf.Xcr0(cpuid) | (supported.Value & WithGroup(missing));
        if (host.NativeCpuid is not { } native || !XsaveLayout.TryFrom(native.Value, out XsaveLayout layout, out _) || !all.IsSubsetOf(layout.UserMask))
        {
            return $"the snapshot was taken without permission for {XFeatureTable.Names(missing)} and does not tell its place";
        }

        cpuid = XsaveLeaf.Write(cpuid, layout, all, XsaveLeaf.Xss(cpuid));
        return null;
    }

    /// <summary>XFD is promised only together with a component that it can disable.</summary>
    private static CpuidTable WithoutIdleXfd(CpuidTable cpuid)
    {
        XFeatureMask promised = XsaveLeaf.Xcr0(cpuid);
        foreach (XFeature feature in XFeatureTable.All)
        {
            if (feature.HasXfd && promised[feature.Component])
            {
                return cpuid;
            }
        }

        return cpuid.WithValue(FeatureTable.Get("xfd"), 0);
    }

    private static XFeatureMask WithGroup(XFeatureMask components)
    {
        XFeatureMask all = components;
        foreach (int component in components.Components())
        {
            if (XFeatureTable.TryFind(component, out XFeature? feature))
            {
                all |= feature.Requires | (feature.Group is { } group ? XFeatureTable.Group(group) : XFeatureMask.None);
            }
        }

        return all;
    }

    internal static bool Lacks(HostSnapshot host, string capability)
        => host.Capabilities is { } known && known.Value.TryGetValue(capability, out long answer) && answer == 0;

    private static GuestDefinitionAnswer Refuse(DefinitionRefusal refusal, string reason) => new(null, refusal, reason, []);
}
