using System.Collections.Immutable;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>A vCPU of a running QEMU as its monitor tells it: nothing is left to decide.</summary>
public sealed record QemuRunningCpu
{
    private const uint HypervisorLeaf = 0x4000_0001;

    /// <summary>The CPUID words of its features, as QEMU has them after dropping what the host lacks.</summary>
    public required CpuidTable Words { get; init; }

    /// <summary>The features of MSRs, VMX controls and enlightenments that are on, by QEMU's names.</summary>
    public required ImmutableSortedSet<string> Features { get; init; }

    /// <summary>The other properties: vendor, levels, widths, …</summary>
    public required ImmutableSortedDictionary<string, string> Settings { get; init; }

    /// <summary>Does KVM run it?</summary>
    public required bool Kvm { get; init; }

    /// <summary>The machine type.</summary>
    public string? MachineType { get; init; }

    /// <summary>The contract; <paramref name="host"/> gives what no monitor tells: the places in an XSAVE image, VMX fields of the host.</summary>
    public GuestDefinitionAnswer Contract(HostSnapshot? host, string? name)
    {
        List<string> remarks = [];
        HostSupport? support = host is null ? null : HostSupport.Of(host);
        ImmutableSortedDictionary<string, bool> on = Named(Words).Concat(Features).Distinct(StringComparer.Ordinal)
            .ToImmutableSortedDictionary(static feature => feature, static _ => true, StringComparer.Ordinal);
        QemuCpuRequest cpu = new()
        {
            Base = QemuCpuBase.Nothing, Features = on, Settings = Settings, Tcg = !Kvm, MachineType = MachineType, Name = name,
        };
        QemuIdentity identity = QemuIdentities.WithExplicitLevels(cpu, QemuIdentities.Of(cpu, null));
        CpuidTable bits = Words.Without(static entry => HypervisorLeaves.Owns(entry.Address.Leaf) || entry.Address is { Leaf: XsaveLeaf.Leaf, Subleaf: not 1 });
        bits = bits.TryGet(XsaveLeaf.Leaf, 1, out CpuidValues flags) ? bits.With(XsaveLeaf.Leaf, 1, new CpuidValues(flags.Eax, 0, 0, 0)) : bits;
        return new QemuAssembly(cpu, host?.SupportedCpuid is null ? null : host, support, QemuFeatures.Of(cpu, null), remarks).Finish(
            QemuIdentities.WithAmdAliases(identity, bits),
            XsaveLeaf.Xcr0(Words) | XsaveLeaf.Xss(Words),
            identity,
            cpu.IsOn("pmu", false),
            Kvm && cpu.IsOn("kvm", true));
    }

    /// <summary>QEMU's names of the bits that are set in CPUID words.</summary>
    public static IEnumerable<string> Named(CpuidTable words)
        => QemuCpuFacts.Properties.Where(property => property.Kind == QemuPropertyKind.Feature && property.Cpuid.Any(bit => bit.ValueIn(words.GetOrZero(
            bit.Space == CpuidSpace.Cpu ? bit.Address.Leaf : HypervisorLeaf, bit.Address.Subleaf)) != 0)).Select(property => property.Name);
}
