using Portolan.X86.Models;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>The features of a CPU by QEMU's names, on their way from the model to the guest (x86_cpu_expand_features, x86_cpu_filter_features).</summary>
internal sealed class QemuFeatures
{
    private readonly SortedSet<string> _on = new(StringComparer.Ordinal);
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>Which features are on.</summary>
    public IReadOnlyCollection<string> On => _on;

    /// <summary>Properties that are on and asked for by name, or simply on.</summary>
    public IEnumerable<QemuProperty> Properties => _on.Select(Property);

    public bool Has(string name) => _on.Contains(name);

    /// <summary>The model, its accelerator's defaults, then what was asked for by name.</summary>
    public static QemuFeatures Of(QemuCpuRequest cpu, HostSupport? host)
    {
        QemuFeatures features = new();
        if (cpu.Model is { } model)
        {
            features._on.UnionWith(model.Features.Select(QemuName).OfType<string>());
        }

        if (cpu.Base != QemuCpuBase.Nothing)
        {
            features._on.Add("hypervisor");
        }

        foreach ((string property, bool on) in cpu.Base != QemuCpuBase.Model ? [] : cpu.Tcg ? QemuCpuFacts.TcgDefaults : QemuCpuFacts.KvmDefaults)
        {
            features.Switch(property, on);
        }

        foreach ((string name, bool on) in cpu.Features.Where(static feature => Property(feature.Key).Kind == QemuPropertyKind.Feature))
        {
            features.Switch(name, on);
            features._asked.Add(name);
        }

        if (cpu.Base == QemuCpuBase.Host && host is not null)
        {
            features._on.UnionWith(host.Supported(migratableOnly: true).Where(name => !features._asked.Contains(name)));
        }

        return features;
    }

    /// <summary>Drops what cannot be without something that is off; a remark only for what was asked for by name, as QEMU does.</summary>
    public void DropDependents(bool pmu, List<string> remarks)
    {
        foreach ((string missing, IEnumerable<string> gone) in QemuCpuFacts.Dependents.Select(row => (row.Missing, (IEnumerable<string>)row.Gone)))
        {
            if (missing == "pmu" ? pmu : Has(missing))
            {
                continue;
            }

            foreach (string name in gone.Where(name => _on.Remove(name) && _asked.Contains(name)))
            {
                remarks.Add($"{name} was asked for and is dropped: it needs {missing}");
            }
        }
    }

    public void Remove(Func<QemuProperty, bool> unwanted) => _on.RemoveWhere(name => unwanted(Property(name)));

    /// <summary>QEMU's property of that name.</summary>
    public static QemuProperty Property(string name)
        => QemuCpuFacts.TryFind(name, out QemuProperty? property) ? property : throw new ArgumentException($"QEMU has no property '{name}'", nameof(name));

    /// <summary>QEMU's name of a feature of a model: libvirt's models spell it as libvirt does.</summary>
    internal static string? QemuName(string feature)
        => QemuCpuFacts.TryFindLibvirt(feature, out QemuProperty? property) ? property.Name : null;

    private void Switch(string name, bool on) => _ = on ? _on.Add(name) : _on.Remove(name);
}
