using System.Text;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>Hyper-V's leaves as QEMU makes them of the hv- properties (target/i386/kvm/kvm.c hyperv_fill_cpuids).</summary>
internal static class QemuHyperv
{
    private const uint Base = 0x4000_0000;
    private const uint Interface = 0x3123_7648; // "Hv#1"
    private const uint LastLeaf = 5;
    private const uint NestedLeaf = 0xa;
    private const uint DebugLeaf = 0x82;
    private const uint NeverNotify = uint.MaxValue; // spin locks never retried: the default
    private const uint DefaultLimit = 0x40;
    private const uint AnyProcessors = uint.MaxValue;
    private const string Microsoft = "Microsoft Hv";

    /// <summary>Is any enlightenment asked for?</summary>
    public static bool IsOn(QemuCpuRequest cpu) => Wanted(cpu).Any() || (cpu.Number("hv-spinlocks") ?? NeverNotify) != NeverNotify || cpu.IsOn("hv-passthrough", false);

    /// <summary>An enlightenment without one it needs, as QEMU's refusal says it; null where all is well.</summary>
    public static string? Problem(QemuCpuRequest cpu)
    {
        HashSet<string> on = [.. Wanted(cpu)];
        foreach (string name in on)
        {
            if (cpu.IsOn("hv-passthrough", false))
            {
                return null;
            }

            if (QemuCpuFacts.EnlightenmentNeeds(name).FirstOrDefault(need => !on.Contains(need)) is { } missing)
            {
                return $"{name} requires {missing}";
            }
        }

        return on.Contains("hv-reenlightenment") && !cpu.Settings.ContainsKey("tsc-frequency") ? "hv-reenlightenment requires tsc-frequency to be set" : null;
    }

    /// <summary>The table with the leaves; enlightenments that the host lacks are why there is none.</summary>
    public static (CpuidTable Table, string? Problem) Write(QemuCpuRequest cpu, HostSnapshot? host, CpuidTable table)
    {
        if (cpu.IsOn("hv-passthrough", false))
        {
            return Passthrough(cpu, host, table);
        }

        CpuidTable leaves = table.With(Base + 1, 0, new(Interface, 0, 0, 0));
        CpuidFeature[] bits = [.. Wanted(cpu).SelectMany(name => QemuFeatures.Property(name).Cpuid).Distinct()];
        CpuidTable? offered = host?.HypervCpuid?.Value;
        if (offered is not null && bits.FirstOrDefault(bit => bit.Rule == MigrationRule.Subset && !offered.Has(bit)) is { } lacking)
        {
            return (table, $"the host's KVM does not offer {lacking.Name} ({lacking.Qemu}), and QEMU refuses to start without it");
        }

        foreach (CpuidFeature bit in bits.Concat(QemuCpuFacts.AnyEnlightenment))
        {
            leaves = leaves.WithValue(bit, 1);
        }

        bool nested = leaves.GetOrZero(Base + NestedLeaf) != default || Asks(cpu, "hv-evmcs");
        uint last = Asks(cpu, "hv-syndbg") ? DebugLeaf : nested ? NestedLeaf : LastLeaf;
        byte[] vendor = new byte[Microsoft.Length];
        string own = cpu.Settings.TryGetValue("hv-vendor-id", out string? text) ? text : Microsoft;
        Encoding.ASCII.GetBytes(own.AsSpan(0, Math.Min(own.Length, vendor.Length)), vendor);
        leaves = leaves
            .With(Base, 0, new(Base + last, BitConverter.ToUInt32(vendor, 0), BitConverter.ToUInt32(vendor, 4), BitConverter.ToUInt32(vendor, 8)))
            .With(Base + 2, 0, Version(cpu))
            .With(Base + 4, 0, leaves.GetOrZero(Base + 4) with { Ebx = (uint)(cpu.Number("hv-spinlocks") ?? NeverNotify) })
            .With(Base + 5, 0, new((uint)(cpu.Number("x-hv-max-vps") ?? AnyProcessors), DefaultLimit, 0, 0));
        for (uint leaf = LastLeaf + 1; nested && leaf <= NestedLeaf; leaf++)
        {
            leaves = leaves.With(Base + leaf, 0, leaves.GetOrZero(Base + leaf));
        }

        return (Asks(cpu, "hv-evmcs") ? WithEvmcs(leaves) : leaves, null);
    }

    private static CpuidTable WithEvmcs(CpuidTable leaves)
        => leaves.WithValue(FeatureTable.Get("hv-evmcs-version-low"), 1).WithValue(FeatureTable.Get("hv-evmcs-version-high"), 1);

    private static (CpuidTable Table, string? Problem) Passthrough(QemuCpuRequest cpu, HostSnapshot? host, CpuidTable table)
    {
        if (host?.HypervCpuid is not { } offered)
        {
            return (table, "hv-passthrough gives what the host's KVM offers, and no snapshot tells it (KVM_GET_SUPPORTED_HV_CPUID)");
        }

        CpuidTable leaves = table;
        foreach (CpuidEntry entry in offered.Value)
        {
            leaves = leaves.With(entry);
        }

        return (Asks(cpu, "hv-evmcs") ? WithEvmcs(leaves) : leaves, null);
    }

    private static CpuidValues Version(QemuCpuRequest cpu)
    {
        uint Of(string name, uint otherwise) => (uint)(cpu.Number("hv-version-id-" + name) ?? otherwise);
        return new(Of("build", 0x3839), Of("major", 0xa) << 16 | Of("minor", 0) & 0xffff, Of("spack", 0), Of("sbranch", 0) << 24 | Of("snumber", 0) & 0xffffff);
    }

    private static bool Asks(QemuCpuRequest cpu, string name) => cpu.Features.TryGetValue(name, out bool on) && on;

    private static IEnumerable<string> Wanted(QemuCpuRequest cpu)
        => cpu.Features.Where(feature => feature.Value && QemuFeatures.Property(feature.Key).Kind == QemuPropertyKind.Enlightenment).Select(feature => feature.Key);
}
