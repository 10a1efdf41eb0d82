using System.Collections.Immutable;
using CsCheck;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Tests.Guest.Qemu;

public sealed class QemuExpansionTests
{
    /// <summary>What QEMU gives although KVM_GET_SUPPORTED_CPUID does not list it (kvm_arch_get_supported_cpuid).</summary>
    private static readonly string[] Beyond = ["hypervisor", "arat", "topoext", "tsc-deadline", "erms", "fsrm", "fzrm", "fsrs", "fsrc"];

    private static readonly ImmutableArray<HostSnapshot> HostsOfTests = [Hosts.Skx("6.12.117"), Hosts.AmdMax("6.12.117"), Hosts.Genoa("6.6"), Hosts.Spr("6.12.117")];

    [Fact]
    public void No_model_promises_what_the_host_does_not_offer()
    {
        foreach (HostSnapshot host in HostsOfTests)
        {
            CpuidTable supported = host.SupportedCpuid!.Value;
            foreach (CpuModel model in CpuModelTable.Of(CpuModelOrigin.Qemu))
            {
                GuestContract contract = QemuExpansion.From(Of(model), host).Contract!;
                CpuidFeature[] extra = [.. FeatureTable.All.ToArray().Where(feature => feature is { Space: CpuidSpace.Cpu, IsBit: true, Rule: MigrationRule.Subset }
                    && contract.Cpuid.Has(feature) && !supported.Has(feature) && !Beyond.Contains(feature.Name) && !IsAlias(contract.Cpuid, feature))];
                Assert.True(extra.Length == 0, $"{model} on {host.Name}: {string.Join(", ", extra.Select(feature => feature.Name))}");
                Assert.True(contract.PromisedXcr0.IsSubsetOf(host.SupportedXcr0!.Value), $"{model} on {host.Name}");
                Assert.True(XsaveLayout.TryFrom(contract.Cpuid, out _, out IReadOnlyList<XsaveLayoutFault> faults), $"{model} on {host.Name}: {string.Join(", ", faults)}");
            }
        }
    }

    [Fact]
    public void Vmx_values_are_ones_that_the_hosts_KVM_takes()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        Assert.True(VmxCapabilitiesReader.TryRead(host.FeatureMsrs!.Value, out VmxCapabilities maxima, out _));
        foreach (CpuModel model in CpuModelTable.Of(CpuModelOrigin.Qemu).Where(model => model.Has("vmx-ept")))
        {
            GuestContract contract = QemuExpansion.From(With(Of(model), "vmx", true), host).Contract!;
            Assert.True(contract.Cpuid.Has("vmx"), model.Name);
            MsrTable all = contract.FeatureMsrs.With(MsrIndex.Ia32VmxCr0Fixed1, maxima.Cr0Fixed1).With(MsrIndex.Ia32VmxCr4Fixed1, maxima.Cr4Fixed1);
            Assert.True(VmxCapabilitiesReader.TryRead(all, out VmxCapabilities wanted, out uint missing), $"{model}: {missing:x}");
            Assert.True(VmxRestore.Refused(wanted, maxima).Count == 0, $"{model}: {string.Join(", ", VmxRestore.Refused(wanted, maxima))}");
        }
    }

    [Fact]
    public void A_feature_switched_off_takes_only_what_hangs_on_it()
    {
        CpuModel[] models = [.. CpuModelTable.Of(CpuModelOrigin.Qemu)];
        string[] names = [.. QemuCpuFacts.Properties.Where(property => property.Kind == QemuPropertyKind.Feature && !property.Cpuid.IsEmpty).Select(property => property.Name)];
        Gen.Select(Gen.Int[0, models.Length - 1], Gen.Int[0, names.Length - 1]).Sample(
            (model, name) =>
            {
                QemuCpuRequest cpu = Of(models[model]);
                HashSet<string> with = Promised(With(cpu, names[name], true));
                HashSet<string> without = Promised(With(cpu, names[name], false));
                string[] hanging = [names[name], .. QemuCpuFacts.Dependents.Where(row => row.Missing == names[name]).SelectMany(row => row.Gone)];
                Assert.Empty(without.Except(with));
                Assert.All(with.Except(without), gone => Assert.Contains(gone, hanging));
            },
            iter: 400);
    }

    [Fact]
    public void Host_with_everything_off_is_base()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        ImmutableSortedDictionary<string, bool> off = QemuExpansion.HostFeatures(host)!.ToImmutableSortedDictionary(name => name, _ => false, StringComparer.Ordinal);
        GuestContract contract = QemuExpansion.From(new QemuCpuRequest { Base = QemuCpuBase.Host, Features = off.SetItem("hypervisor", false) }, host).Contract!;
        Assert.Empty(QemuRunningCpu.Named(contract.Cpuid.Without(entry => HypervisorLeaves.Owns(entry.Address.Leaf))));
    }

    [Fact]
    public void Enforce_refuses_what_is_otherwise_dropped_with_a_remark()
    {
        QemuCpuRequest cpu = With(Of("qemu64-v1"), "pku", true);
        GuestDefinitionAnswer lenient = QemuExpansion.From(cpu, Hosts.Skx("6.12.117"));
        Assert.Contains(lenient.Remarks, remark => remark.Contains("pku", StringComparison.Ordinal));
        Assert.False(lenient.Contract!.Cpuid.Has("pku"));
        GuestDefinitionAnswer strict = QemuExpansion.From(cpu with { Settings = cpu.Settings.SetItem("enforce", "on") }, Hosts.Skx("6.12.117"));
        Assert.Equal(DefinitionRefusal.Host, strict.Refusal);
        Assert.Contains("pku", strict.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_snapshot_does_not_know_is_not_promised()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable unknown = CpuidTable.Empty.With(1, 0, new CpuidValues(0, 0, FeatureTable.Get("avx").RegisterMask, 0));
        GuestDefinitionAnswer answer = QemuExpansion.From(Of("Haswell-v1"), host with { UnknownCpuidBits = unknown });
        Assert.False(answer.Contract!.Cpuid.Has("avx"));
        Assert.Contains(answer.Remarks, remark => remark.StartsWith("not promised", StringComparison.Ordinal) && remark.EndsWith(": avx", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("hv-synic", "hv-vpindex")]
    [InlineData("hv-stimer-direct", "hv-stimer")]
    [InlineData("hv-evmcs", "hv-vapic")]
    public void An_enlightenment_without_one_that_it_needs_is_refused_as_QEMU_refuses_it(string name, string missing)
        => Assert.Equal($"{name} requires {missing}", QemuExpansion.From(With(Of("qemu64-v1"), name, true), null).Reason);

    [Fact]
    public void Kvm_leaves_move_beside_Hyper_V()
    {
        GuestContract contract = QemuExpansion.From(With(Of("qemu64-v1"), "hv-relaxed", true), null).Contract!;
        Assert.Equal(0x40000100u, HypervisorLeaves.BaseOf(contract.Cpuid, CpuidSpace.Kvm));
        Assert.True(contract.Cpuid.Has("kvmclock") && contract.Cpuid.Has("hv-relaxed-timing-recommended") && contract.Cpuid.Has("hv-hypercall"));
    }

    [Fact]
    public void Host_needs_a_host()
        => Assert.Equal(DefinitionRefusal.Request, QemuExpansion.From(new QemuCpuRequest { Base = QemuCpuBase.Host }, null).Refusal);

    /// <summary>Without those of leaf 0DH: a component that the vendor's CPUs do not have leaves nobody knows where, and no leaf.</summary>
    private static HashSet<string> Promised(QemuCpuRequest cpu)
        => [.. QemuRunningCpu.Named(QemuExpansion.From(cpu, null).Contract!.Cpuid.Without(entry => entry.Address.Leaf == XsaveLeaf.Leaf))];

    private static bool IsAlias(CpuidTable table, CpuidFeature feature)
        => feature.Address.Leaf == 0x80000001 && feature.Register == CpuidRegister.Edx && (table.GetOrZero(1).Edx & feature.RegisterMask) != 0;

    private static QemuCpuRequest Of(string model) => CpuModelTable.TryFind(CpuModelOrigin.Qemu, model, out CpuModel? found) ? Of(found) : throw new ArgumentException(model);

    private static QemuCpuRequest Of(CpuModel model) => new() { Base = QemuCpuBase.Model, Model = model };

    private static QemuCpuRequest With(QemuCpuRequest cpu, string feature, bool on) => cpu with { Features = cpu.Features.SetItem(feature, on) };
}
