using System.Collections.Immutable;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Testing.RandomCases;

/// <summary>
/// Hosts that random cases start from: the shipped ones, the same under other kernels, and CPU lines under kernels. What a prediction
/// leaves unknown is filled from a shipped host of the vendor, so that every one of them is complete.
/// </summary>
public static class BaseHosts
{
    private static readonly string[] Kernels = ["5.10.13", "5.10.218", "5.15.100", "5.16.5", "5.17.5", "6.1.50", "6.1.192", "6.6.80", "6.12.117", "6.18.15", "7.3.4"];
    private static readonly string[] Lines = ["cascade-lake", "icelake-sp", "sapphire-rapids", "granite-rapids", "naples", "rome", "milan", "genoa"];
    private static readonly Evidence Made = new(EvidenceQuality.Derived, "filled by a test");
    private static readonly Lazy<ImmutableArray<ImmutableArray<HostSnapshot>>> Families = new(MakeFamilies);

    /// <summary>The hosts, those of one CPU together.</summary>
    public static ImmutableArray<ImmutableArray<HostSnapshot>> ByCpu => Families.Value;

    /// <summary>The shipped snapshots, by name.</summary>
    public static ImmutableArray<HostSnapshot> Shipped { get; } = [.. Directory.EnumerateFiles(Repository.At("data", "hosts"), "*.json").Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>A fact of a test.</summary>
    public static Fact<T> Fact<T>(T value) => new(value, Made);

    private static HostSnapshot Read(string file)
    {
        Documents.Reading<HostSnapshot> reading = HostSnapshotDocument.Read(file, File.ReadAllBytes(file));
        return reading.Ok ? reading.Value : throw new InvalidOperationException($"{file}: {reading.Fault}");
    }

    private static ImmutableArray<ImmutableArray<HostSnapshot>> MakeFamilies()
    {
        HostSnapshot amd = Donor("amd-qemu-max-6.12.117");
        HostSnapshot intel = Donor("intel-bochs-skylake-x-6.12.117");
        List<ImmutableArray<HostSnapshot>> families =
        [
            [.. Shipped.Where(host => host.Name!.StartsWith("amd-qemu", StringComparison.Ordinal)).Select(host => Complete(host, amd)), .. Under(amd)],
            [.. Shipped.Where(host => host.Name!.StartsWith("intel-bochs", StringComparison.Ordinal)).Select(host => Complete(host, intel)), .. Under(intel)],
            [.. Shipped.Where(host => host.Name!.Contains("pvm", StringComparison.Ordinal)).Select(host => Complete(host, amd))],
        ];
        foreach (string name in Lines)
        {
            CpuLine line = CpuLineTable.Find(name) ?? throw new InvalidOperationException($"no CPU line {name}");
            families.Add([.. Kernels.Select(kernel => Complete(Predictor.ForCpu(line, Release(kernel)), line.Vendor == CpuidVendor.Intel ? intel : amd))]);
        }

        return [.. families];
    }

    private static HostSnapshot Donor(string name)
    {
        HostSnapshot host = Shipped.First(host => host.Name == name);
        return Complete(host, host);
    }

    private static IEnumerable<HostSnapshot> Under(HostSnapshot host)
        => Kernels.Select(kernel => Complete(Predictor.WithKernel(host, Release(kernel)) with { Name = $"{host.Name} under {kernel}" }, host));

    private static KernelRelease Release(string text)
        => KernelRelease.TryParse(text, out KernelRelease release) ? release : throw new InvalidOperationException(text);

    /// <summary>The host with everything that it does not tell taken from another.</summary>
    private static HostSnapshot Complete(HostSnapshot host, HostSnapshot donor)
    {
        XFeatureMask supported = host.SupportedXcr0?.Value ?? XsaveLeaf.Xcr0(host.SupportedCpuid!.Value);
        return host with
        {
            UnknownCpuidBits = null,
            SupportedCpuidIsPartial = false,
            EmulatedCpuid = host.EmulatedCpuid ?? donor.EmulatedCpuid,
            HypervCpuid = host.HypervCpuid ?? donor.HypervCpuid,
            Capabilities = Fact(donor.Capabilities!.Value.SetItems(host.Capabilities?.Value ?? ImmutableSortedDictionary<string, long>.Empty)),
            SavedMsrs = host.SavedMsrs ?? Fact(Saved(host)),
            FeatureMsrIndices = host.FeatureMsrIndices ?? donor.FeatureMsrIndices,
            FeatureMsrs = Fact(Filled(host.FeatureMsrs?.Value, donor.FeatureMsrs!.Value)),
            SupportedXcr0 = Fact(supported),
            HostXcr0 = host.HostXcr0 ?? Fact(supported),
            SupportedXss = host.SupportedXss ?? Fact(XsaveLeaf.Xss(host.SupportedCpuid!.Value)),
            MxcsrMask = host.MxcsrMask ?? donor.MxcsrMask,
            KvmModule = host.KvmModule ?? donor.KvmModule,
            ModuleParameters = host.ModuleParameters ?? donor.ModuleParameters,
            TscKhz = host.TscKhz ?? donor.TscKhz,
            Vmm = host.Vmm ?? Fact("qemu 10.0.2"),
            MachineTypes = host.MachineTypes ?? Fact<ImmutableArray<string>>(["pc-q35-7.2"]),
            BootId = host.BootId ?? donor.BootId,
            Microcode = host.Microcode ?? Fact("0x1"),
            Behaviours = AllBehaviours(host, donor),
        };
    }

    private static MsrTable Filled(MsrTable? own, MsrTable donor)
        => MsrTable.From([.. own ?? MsrTable.Empty, .. donor.Where(row => own?.Contains(row.Index) is not true)]);

    /// <summary>What KVM could list of what the CPU promises.</summary>
    private static ImmutableArray<uint> Saved(HostSnapshot host)
        => [.. KnownMsrs.All
            .Where(msr => msr.Kind != MsrKind.VmxCapability && (msr.Listing & (MsrListing.Saved | MsrListing.Emulated)) != 0 && msr.IsPromised(host.SupportedCpuid!.Value))
            .Select(msr => msr.Index)];

    private static ImmutableSortedDictionary<string, Fact<string>> AllBehaviours(HostSnapshot host, HostSnapshot donor)
    {
        ImmutableSortedDictionary<string, Fact<string>> all = host.Behaviours;
        foreach (string id in BehaviourTable.Ids.Where(id => !all.ContainsKey(id)))
        {
            all = all.SetItem(id, donor.Behaviours.GetValueOrDefault(id) ?? Fact(BehaviourTable.Values(id)[0].Value));
        }

        return all;
    }
}
