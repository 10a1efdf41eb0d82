using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>Makes the contract of a CPU whose features are decided: the leaves around the feature bits, and the MSRs.</summary>
internal sealed class QemuAssembly(QemuCpuRequest cpu, HostSnapshot? host, HostSupport? support, QemuFeatures features, List<string> remarks)
{
    private const uint LeafOfWidths = 0x8000_0008;
    private const uint LeafOfPmu = 0xa;
    private const uint LeafOfSgx = 0x12;
    private const uint LeafOfTrace = 0x14;
    private const uint LeafOfTiles = 0x1d;
    private const uint LeafOfTileMultiply = 0x1e;
    private const uint LeafOfSvm = 0x8000_000a;
    private const uint Asids = 16;

    /// <summary>The contract.</summary>
    /// <param name="bits">The feature bits.</param>
    /// <param name="asked">The state components that the features want.</param>
    /// <param name="identity">Who the CPU says it is.</param>
    /// <param name="pmu">Has it a PMU?</param>
    /// <param name="kvm">Does it show KVM's leaves?</param>
    public GuestDefinitionAnswer Finish(CpuidTable bits, XFeatureMask asked, QemuIdentity identity, bool pmu, bool kvm)
    {
        CpuidTable table = QemuXsave.Write(bits, asked, host, QemuIdentities.LayoutFamily(identity), remarks);
        table = WithCopiedLeaves(WithWidths(table), pmu);
        if (kvm)
        {
            table = QemuPv.Write(table, features, QemuHyperv.IsOn(cpu), cpu);
        }

        if (QemuHyperv.IsOn(cpu))
        {
            (table, string? problem) = QemuHyperv.Write(cpu, host, table);
            if (problem is not null)
            {
                return new GuestDefinitionAnswer(null, DefinitionRefusal.Host, problem, []);
            }
        }

        AddRemarks();
        return new GuestDefinitionAnswer(Contract(identity.Write(table)), DefinitionRefusal.None, "", [.. remarks]);
    }

    private CpuidTable WithWidths(CpuidTable table)
    {
        if (!table.Has("lm"))
        {
            return table.With(LeafOfWidths, 0, table.GetOrZero(LeafOfWidths) with { Eax = table.Has("pse36") || table.Has("pae") ? 36u : 32u });
        }

        QemuWidths widths = QemuWidths.Of(cpu, support, remarks);
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
                LeafOfTrace => features.Has("intel-pt"),
                LeafOfSgx => features.Has("sgx") && entry.Address.Subleaf >= 2,
                LeafOfTiles or LeafOfTileMultiply => features.Has("amx-tile") && !table.Contains(entry.Address),
                _ => false,
            };
            copied = wanted ? copied.With(entry) : copied;
        }

        // Nested SVM: revision 1 and 16 ASIDs, whatever the host has.
        return features.Has("svm")
            ? copied.With(LeafOfSvm, 0, copied.GetOrZero(LeafOfSvm) with { Eax = 1, Ebx = Asids })
            : copied;
    }

    private void AddRemarks()
    {
        if (features.Has("invtsc"))
        {
            remarks.Add("invtsc blocks migration, unless the TSC's frequency is fixed (tsc-frequency)");
        }

        if (cpu.Base == QemuCpuBase.Host && !cpu.IsOn("migratable", true))
        {
            remarks.Add("migratable=off promises what no other host may have");
        }

        if (cpu.IsOn("hv-passthrough", false))
        {
            remarks.Add("hv-passthrough blocks migration");
        }
    }

    private GuestContract Contract(CpuidTable cpuid) => new()
    {
        Name = cpu.Name,
        Cpuid = cpuid,
        FeatureMsrs = QemuFeatureMsrs.Of(features, support, cpuid, remarks),
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
