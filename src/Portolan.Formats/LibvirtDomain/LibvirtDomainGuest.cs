using System.Collections.Immutable;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Models;

namespace Portolan.Formats.LibvirtDomain;

/// <summary>The CPU that libvirt asks QEMU for, and the guest that comes of it.</summary>
public static class LibvirtDomainGuest
{
    private const string DefaultModel = "qemu64"; // what QEMU gives a domain without <cpu>

    /// <summary>The contract, or why libvirt would not start the domain.</summary>
    public static GuestDefinitionAnswer Define(LibvirtDomainCpu domain, HostSnapshot? host)
    {
        ArgumentNullException.ThrowIfNull(domain);
        List<string> remarks = [.. domain.Remarks];
        ImmutableSortedSet<string>? offered = host is null ? null : QemuExpansion.HostFeatures(host);
        if (Start(domain, host, offered, remarks, out string problem) is not { } start)
        {
            return new GuestDefinitionAnswer(null, host is null ? DefinitionRefusal.Request : DefinitionRefusal.Host, problem, []);
        }

        QemuCpuRequest cpu = WithPolicies(domain, WithProperties(domain, start), offered, remarks, out string forbidden);
        if (forbidden.Length > 0)
        {
            return new GuestDefinitionAnswer(null, DefinitionRefusal.Host, $"the host offers {forbidden}, which the domain forbids", []);
        }

        GuestDefinitionAnswer answer = QemuExpansion.From(cpu, host);
        if (answer.Contract is not null && domain is { Mode: "custom", Match: "strict" } && Extra(cpu, offered, remarks) is { Length: > 0 } extra)
        {
            return new GuestDefinitionAnswer(null, DefinitionRefusal.Host, $"match='strict': the host offers more than the model: {extra}", []);
        }

        return answer with { Remarks = [.. remarks, .. answer.Remarks] };
    }

    private static QemuCpuRequest? Start(LibvirtDomainCpu domain, HostSnapshot? host, ImmutableSortedSet<string>? offered, List<string> remarks, out string problem)
    {
        problem = "";
        QemuCpuRequest all = new()
        {
            Base = QemuCpuBase.Host, Name = domain.Name, MachineType = domain.MachineType, Confidential = domain.Confidential, Tcg = !domain.Kvm,
        };
        if (domain.Mode is "host-passthrough" or "maximum")
        {
            return domain.Migratable is { } migratable
                ? all with { Settings = all.Settings.SetItem("migratable", migratable ? "on" : "off") }
                : all;
        }

        if (domain.Mode == "host-model" || (domain.Mode == "custom" && domain.Match == "minimum"))
        {
            if (host is null || offered is null)
            {
                problem = $"{(domain.Mode == "host-model" ? "host-model" : "match='minimum'")} is what a host supports: name it with --host";
                return null;
            }

            return HostModel(all, host, offered, remarks);
        }

        string name = domain.Model ?? DefaultModel;
        if (!CpuModelTable.TryFind(CpuModelOrigin.Qemu, name, out CpuModel? model) && !CpuModelTable.TryFind(CpuModelOrigin.Libvirt, name, out model))
        {
            problem = $"neither QEMU nor libvirt has a CPU model '{name}'";
            return null;
        }

        if (model.Origin == CpuModelOrigin.Libvirt)
        {
            remarks.Add($"{name} is libvirt's alone: QEMU's levels and brand string are not known");
        }

        return all with { Base = QemuCpuBase.Model, Model = model, Required = Required(domain, name, model) };
    }

    /// <summary>What libvirt checks before the start: its own idea of the model; with check='full' everything.</summary>
    private static ImmutableSortedSet<string> Required(LibvirtDomainCpu domain, string name, CpuModel model)
    {
        ImmutableSortedSet<string> none = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);
        return domain.Check == "none" || domain.Mode is null ? none
            : domain.Check == "full" ? none.Union(Known(model.Features))
            : CpuModelTable.TryFind(CpuModelOrigin.Libvirt, name, out CpuModel? own) ? none.Union(Known(own.Features))
            : none;
    }

    /// <summary>The host's features that libvirt has names for, on top of the nearest model that libvirt decodes a host to.</summary>
    private static QemuCpuRequest HostModel(QemuCpuRequest all, HostSnapshot host, ImmutableSortedSet<string> offered, List<string> remarks)
    {
        ImmutableSortedSet<string> named = offered.Intersect(Named);
        CpuidTable cpuid = host.AnyCpuid ?? CpuidTable.Empty;
        CpuSignature signature = CpuSignature.FromLeaf1(cpuid.GetOrZero(1).Eax);
        (CpuModel Libvirt, CpuModel Qemu)[] candidates = [.. CpuModelTable.Of(CpuModelOrigin.Libvirt)
            .Where(model => model.Settings["decode-host"] == "on" && VendorFits(model, cpuid))
            .Select(model => (model, CpuModelTable.TryFind(CpuModelOrigin.Qemu, model.Name, out CpuModel? qemu) ? qemu : null))
            .Where(pair => pair.Item2 is not null).Select(pair => (pair.model, pair.Item2!))];
        (CpuModel Libvirt, CpuModel Qemu) nearest = candidates
            .OrderBy(pair => pair.Libvirt.Signatures.Any(range => range.Contains(signature)) ? 0 : 1)
            .ThenBy(pair => Known(pair.Libvirt.Features).Count(feature => !named.Contains(feature)))
            .ThenBy(pair => named.Count - Known(pair.Libvirt.Features).Count(named.Contains)).First();
        remarks.Add($"host-model: {nearest.Libvirt.Name} and the host's further features that libvirt names; a newer libvirt may name another model and more features");
        ImmutableSortedDictionary<string, bool> features = Known(nearest.Qemu.Features).Union(named)
            .ToImmutableSortedDictionary(feature => feature, named.Contains, StringComparer.Ordinal);
        return all with { Base = QemuCpuBase.Model, Model = nearest.Qemu, Features = features };
    }

    private static bool VendorFits(CpuModel model, CpuidTable cpuid)
        => model.Vendor is null || CpuLineTable.VendorOf(cpuid) is not { } vendor
            || model.Vendor == (vendor == X86.Features.CpuidVendor.Amd ? "AuthenticAMD" : "GenuineIntel");

    private static IEnumerable<string> Known(IEnumerable<string> features)
        => features.Select(feature => QemuCpuFacts.TryFindLibvirt(feature, out QemuProperty? property) ? property.Name : null).OfType<string>();

    private static readonly ImmutableSortedSet<string> Named = [.. QemuCpuFacts.Properties
        .Where(property => property.Cpuid.Any(bit => bit.Libvirt.Count > 0) || property.Msr.Any(bits => bits.Libvirt is not null) || property.Vmx.Any(control => control.Libvirt is not null))
        .Select(property => property.Name)];

    private static QemuCpuRequest WithProperties(LibvirtDomainCpu domain, QemuCpuRequest cpu)
    {
        ImmutableSortedDictionary<string, bool> features = cpu.Features;
        ImmutableSortedDictionary<string, string> settings = cpu.Settings;
        foreach ((string name, string value) in domain.Properties)
        {
            bool isFeature = QemuCpuFacts.TryFind(name, out QemuProperty? property) && property.Kind is QemuPropertyKind.Feature or QemuPropertyKind.Enlightenment;
            features = isFeature ? features.SetItem(name, value == "on") : features;
            settings = isFeature ? settings : settings.SetItem(name, value);
        }

        settings = domain.VendorId is { } vendor ? settings.SetItem("vendor", vendor) : settings;
        return cpu with { Features = features, Settings = settings };
    }

    private static QemuCpuRequest WithPolicies(
        LibvirtDomainCpu domain, QemuCpuRequest cpu, ImmutableSortedSet<string>? offered, List<string> remarks, out string forbidden)
    {
        ImmutableSortedDictionary<string, bool> features = cpu.Features;
        ImmutableSortedSet<string> required = cpu.Required;
        List<string> refused = [];
        foreach ((string name, LibvirtFeaturePolicy policy, _) in domain.Features)
        {
            if (!QemuCpuFacts.TryFindLibvirt(name, out QemuProperty? property))
            {
                remarks.Add($"{name} is passed over: QEMU has no property for it");
                continue;
            }

            bool on = policy is LibvirtFeaturePolicy.Force or LibvirtFeaturePolicy.Require
                || (policy == LibvirtFeaturePolicy.Optional && offered?.Contains(property.Name) != false);
            features = features.SetItem(property.Name, on);
            required = policy == LibvirtFeaturePolicy.Require && domain.Check != "none" ? required.Add(property.Name)
                : on ? required : required.Remove(property.Name);
            if (policy == LibvirtFeaturePolicy.Forbid && offered?.Contains(property.Name) == true)
            {
                refused.Add(name);
            }
        }

        forbidden = string.Join(", ", refused);
        return cpu with { Features = features, Required = required };
    }

    private static string Extra(QemuCpuRequest cpu, ImmutableSortedSet<string>? offered, List<string> remarks)
    {
        if (offered is null)
        {
            remarks.Add("match='strict' is not checked without a host (--host)");
            return "";
        }

        HashSet<string> guest = [.. Known(cpu.Model?.Features ?? [])];
        guest.UnionWith(cpu.Features.Where(feature => feature.Value).Select(feature => feature.Key));
        guest.ExceptWith(cpu.Features.Where(feature => !feature.Value).Select(feature => feature.Key));
        return string.Join(", ", offered.Intersect(Named).Where(feature => !guest.Contains(feature) && !cpu.Features.ContainsKey(feature)
            && !feature.StartsWith("kvm", StringComparison.Ordinal) && feature != "hypervisor"));
    }
}
