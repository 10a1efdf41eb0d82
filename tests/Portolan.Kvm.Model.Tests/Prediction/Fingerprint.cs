using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Tests.Prediction;

/// <summary>A recorded Firecracker fingerprint: the CPUID a guest was given, after Firecracker's own changes, and its MSRs.</summary>
internal sealed record Fingerprint(string Cpu, string Kernel, string Release, string Vmm, CpuidTable Cpuid, MsrTable Msrs)
{
    private const uint ArchCapabilities = 0x10a;

    internal static Fingerprint Read(string folder, string cpu, string kernel)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, $"fingerprint_{cpu}_{kernel}host.json")));
        JsonElement root = document.RootElement;
        JsonElement config = root.GetProperty("guest_cpu_config");
        Dictionary<CpuidAddress, CpuidEntry> entries = [];
        foreach (JsonElement leaf in config.GetProperty("cpuid_modifiers").EnumerateArray())
        {
            CpuidAddress address = new(Hex(leaf, "leaf"), Hex(leaf, "subleaf"));
            CpuidValues values = default;
            foreach (JsonElement register in leaf.GetProperty("modifiers").EnumerateArray())
            {
                CpuidRegister name = Enum.Parse<CpuidRegister>(register.GetProperty("register").GetString()!, ignoreCase: true);
                values = values.With(name, (uint)Bits(register));
            }

            entries[address] = new CpuidEntry(address, leaf.GetProperty("flags").GetInt32() == 1, values);
        }

        return new(
            cpu,
            kernel,
            root.GetProperty("kernel_version").GetString()!,
            "firecracker " + root.GetProperty("firecracker_version").GetString(),
            CpuidTable.From(entries.Values),
            MsrTable.From(config.GetProperty("msr_modifiers").EnumerateArray().Select(msr => new MsrValue(Hex(msr, "addr"), Bits(msr)))));
    }

    /// <summary>The snapshot that the record is, with the module parameters a person adds to it.</summary>
    internal HostSnapshot ToSnapshot(params (string Name, string Value)[] parameters)
    {
        Evidence evidence = new(EvidenceQuality.Recorded, "Firecracker fingerprint");
        return new()
        {
            Name = $"{Cpu} {Kernel}",
            SupportedCpuid = new(Cpuid, evidence),
            SavedMsrs = new([.. Msrs.Select(msr => msr.Index)], evidence),
            FeatureMsrs = Msrs.TryGet(ArchCapabilities, out ulong value) ? new(MsrTable.Empty.With(ArchCapabilities, value), evidence) : null,
            KernelRelease = new(Release, evidence),
            Vmm = new(Vmm, evidence),
            ModuleParameters = parameters.Length == 0
                ? null
                : new(parameters.ToImmutableSortedDictionary(one => one.Name, one => one.Value, StringComparer.Ordinal), new(EvidenceQuality.Recorded, "given")),
        };
    }

    private static uint Hex(JsonElement element, string property)
        => uint.Parse(element.GetProperty(property).GetString().AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static ulong Bits(JsonElement element)
        => ulong.Parse(element.GetProperty("bitmap").GetString().AsSpan(2), NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture);
}
