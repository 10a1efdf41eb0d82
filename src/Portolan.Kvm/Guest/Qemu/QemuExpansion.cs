using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>The contract of a guest whose CPU QEMU was asked for, on a host or, without one, as asked.</summary>
public static class QemuExpansion
{
    /// <summary>The features that <c>-cpu host</c> has on a host, by QEMU's names; null where the snapshot does not tell its CPUID.</summary>
    public static ImmutableSortedSet<string>? HostFeatures(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return HostSupport.Of(host)?.Supported(migratableOnly: true).ToImmutableSortedSet(StringComparer.Ordinal);
    }

    /// <summary>The contract, or why QEMU would not start such a guest.</summary>
    /// <param name="cpu">What was asked for.</param>
    /// <param name="host">The host; null to take the request as it stands. <c>host</c> and <c>max</c> need one.</param>
    public static GuestDefinitionAnswer From(QemuCpuRequest cpu, HostSnapshot? host)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        if (cpu.Base == QemuCpuBase.Host && host is null)
        {
            return Refuse(DefinitionRefusal.Request, "-cpu host and -cpu max are what a host supports: name it with --host");
        }

        HostSupport? support = host is null ? null : HostSupport.Of(host);
        if (host is not null && support is null)
        {
            return Refuse(DefinitionRefusal.Host, "the snapshot does not tell KVM_GET_SUPPORTED_CPUID");
        }

        if (QemuHyperv.Problem(cpu) is { } hyperv)
        {
            return Refuse(DefinitionRefusal.Request, hyperv);
        }

        return new Expansion(cpu, host, support).Finish();
    }

    private static GuestDefinitionAnswer Refuse(DefinitionRefusal refusal, string reason) => new(null, refusal, reason, []);

    private sealed class Expansion(QemuCpuRequest cpu, HostSnapshot? host, HostSupport? support)
    {
        private readonly List<string> _remarks = [];
        private readonly QemuFeatures _features = QemuFeatures.Of(cpu, support);

        public GuestDefinitionAnswer Finish()
        {
            bool pmu = cpu.IsOn("pmu", cpu.Base == QemuCpuBase.Host);
            bool kvm = !cpu.Tcg && cpu.IsOn("kvm", true);
            _features.DropDependents(pmu, _remarks);
            _features.Remove(property => !kvm && property.Cpuid.Any(static bit => bit.Space == CpuidSpace.Kvm));
            QemuIdentity identity = QemuIdentities.Of(cpu, host).Raised(cpu.IsOn("full-cpuid-auto-level", true) ? _features.Properties : []);
            identity = QemuIdentities.WithExplicitLevels(cpu, identity);
            // QEMU decides on the components before it looks at what the host lacks.
            XFeatureMask asked = QemuXsave.Components(Bits());
            if (Filter() is { } refused)
            {
                return refused;
            }

            CpuidTable table = QemuIdentities.WithAmdAliases(identity, WithUnnamedBits(Bits()));
            return new QemuAssembly(cpu, host, support, _features, _remarks).Finish(table, asked, identity, pmu, kvm);
        }

        /// <summary>Drops what the host does not have; with enforce that is a refusal.</summary>
        private GuestDefinitionAnswer? Filter()
        {
            if (support is null || cpu.IsOn("x-force-features", false))
            {
                return null;
            }

            List<string> lacking = [];
            List<string> unknown = [];
            foreach (QemuProperty property in _features.Properties.ToArray())
            {
                switch (support.Has(property))
                {
                    case false when cpu.Base != QemuCpuBase.Host || cpu.Features.ContainsKey(property.Name):
                        lacking.Add(property.Name);
                        break;
                    case null:
                        unknown.Add(property.Name);
                        break;
                    default:
                        break;
                }
            }

            if (cpu.IsOn("enforce", false) && lacking.Count > 0)
            {
                return Refuse(DefinitionRefusal.Host, $"enforce: the host does not offer {string.Join(", ", lacking)}");
            }

            string[] missed = [.. lacking.Where(cpu.Required.Contains)];
            if (missed.Length > 0)
            {
                return Refuse(DefinitionRefusal.Host, $"the host does not offer {string.Join(", ", missed)}, without which the guest does not start");
            }

            Say("dropped, because the host does not offer them", lacking);
            Say("not promised, because the snapshot does not know whether the host has them", unknown);
            _features.Remove(property => lacking.Contains(property.Name) || unknown.Contains(property.Name));
            return null;
        }

        private void Say(string what, List<string> names)
        {
            if (names.Count > 0)
            {
                _remarks.Add($"{what}: {string.Join(", ", names)}");
            }
        }

        /// <summary>The processor's bits of the features.</summary>
        private CpuidTable Bits()
        {
            CpuidTable table = CpuidTable.Empty;
            foreach (CpuidFeature bit in _features.Properties.SelectMany(static property => property.Cpuid).Where(static bit => bit.Space == CpuidSpace.Cpu))
            {
                // Of a property with several bits, -cpu host takes those that are there.
                table = support is null || support.Has(bit) == true ? QemuIdentity.Set(table, bit, 1) : table;
            }

            return table.Has("avx10") ? QemuIdentity.Set(table, FeatureTable.Get("avx10-version"), Avx10Version()) : table;
        }

        private uint Avx10Version()
            => (uint)(cpu.Number("avx10-version") ?? (cpu.Model?.Settings.TryGetValue("avx10-version", out string? own) == true ? ulong.Parse(own, CultureInfo.InvariantCulture)
                : support?.Cpuid.Value(FeatureTable.Get("avx10-version")) ?? 1));

        /// <summary>-cpu host,migratable=off takes bits, too, for which QEMU has no name.</summary>
        private CpuidTable WithUnnamedBits(CpuidTable table)
        {
            if (cpu.Base != QemuCpuBase.Host || cpu.IsOn("migratable", true))
            {
                return table;
            }

            CpuidTable all = table;
            foreach (CpuidFeature bit in FeatureTable.All)
            {
                bool taken = bit is { Space: CpuidSpace.Cpu, IsBit: true, Rule: not MigrationRule.Synthesised } && !bit.VariesAtRunTime
                    && support!.Has(bit) == true && !(bit.Qemu is { } name && cpu.Features.ContainsKey(name)) && bit.Name != "topoext";
                all = taken ? QemuIdentity.Set(all, bit, 1) : all;
            }

            return all;
        }
    }
}
