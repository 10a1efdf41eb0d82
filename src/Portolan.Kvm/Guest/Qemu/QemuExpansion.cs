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
    private const uint LeafOfWidths = 0x8000_0008;
    private const uint LeafOfPmu = 0xa;

    private static readonly string[] CopiedWith = ["intel-pt", "sgx", "amx-tile"];
    private static readonly uint[] NestedSvm = [0x8000_000a];

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
            table = QemuXsave.Write(table, asked, host, QemuIdentities.LayoutFamily(identity), _remarks);
            table = WithCopiedLeaves(WithWidths(table), pmu);
            if (kvm)
            {
                table = QemuPv.Write(table, _features, QemuHyperv.IsOn(cpu), cpu);
            }

            if (QemuHyperv.IsOn(cpu))
            {
                (table, string? problem) = QemuHyperv.Write(cpu, host, table);
                if (problem is not null)
                {
                    return Refuse(DefinitionRefusal.Host, problem);
                }
            }

            AddRemarks();
            return new GuestDefinitionAnswer(Contract(identity.Write(table)), DefinitionRefusal.None, "", [.. _remarks]);
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

        private CpuidTable WithWidths(CpuidTable table)
        {
            if (!table.Has("lm"))
            {
                return table.With(LeafOfWidths, 0, table.GetOrZero(LeafOfWidths) with { Eax = table.Has("pse36") || table.Has("pae") ? 36u : 32u });
            }

            QemuWidths widths = QemuWidths.Of(cpu, support, _remarks);
            uint linear = table.Has("la57") ? 57u : 48u;
            return table.With(LeafOfWidths, 0, table.GetOrZero(LeafOfWidths) with { Eax = widths.Guest << 16 | linear << 8 | widths.Physical });
        }

        /// <summary>Leaves that QEMU takes from the host as they are, where the feature is there.</summary>
        private CpuidTable WithCopiedLeaves(CpuidTable table, bool pmu)
        {
            CpuidTable copied = table;
            foreach (CpuidEntry entry in support?.Cpuid ?? CpuidTable.Empty)
            {
                bool wanted = entry.Address.Leaf switch
                {
                    LeafOfPmu => pmu,
                    0x14 => _features.Has(CopiedWith[0]),
                    0x12 => _features.Has(CopiedWith[1]) && entry.Address.Subleaf >= 2,
                    0x1d or 0x1e => _features.Has(CopiedWith[2]) && !table.Contains(entry.Address),
                    _ => false,
                };
                copied = wanted ? copied.With(entry) : copied;
            }

            // Nested SVM: revision 1 and 16 ASIDs, whatever the host has.
            return _features.Has("svm")
                ? copied.With(NestedSvm[0], 0, copied.GetOrZero(NestedSvm[0]) with { Eax = 1, Ebx = 0x10 })
                : copied;
        }

        private void AddRemarks()
        {
            if (_features.Has("invtsc"))
            {
                _remarks.Add("invtsc blocks migration, unless the TSC's frequency is fixed (tsc-frequency)");
            }

            if (cpu.Base == QemuCpuBase.Host && !cpu.IsOn("migratable", true))
            {
                _remarks.Add("migratable=off promises what no other host may have");
            }

            if (cpu.IsOn("hv-passthrough", false))
            {
                _remarks.Add("hv-passthrough blocks migration");
            }
        }

        private GuestContract Contract(CpuidTable cpuid) => new()
        {
            Name = cpu.Name,
            Cpuid = cpuid,
            FeatureMsrs = QemuFeatureMsrs.Of(_features, support, cpuid, _remarks),
            EnlightenedVmcs = cpu.Features.TryGetValue("hv-evmcs", out bool evmcs) && evmcs,
            GuestPermission = XFeatureTable.Dynamic & XsaveLeaf.Xcr0(cpuid),
            TscKhz = cpu.Number("tsc-frequency") is { } hertz and > 0 ? (uint)(hertz / 1000) : null,
            MachineType = cpu.MachineType,
            Confidential = cpu.Confidential,
            Settings = VmSettings.Default with
            {
                EnforceHypervCpuid = cpu.IsOn("hv-enforce-cpuid", false),
                EnforcePvFeatureCpuid = cpu.IsOn("kvm-pv-enforce-cpuid", false),
            },
        };
    }
}
