using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>Who the CPU says it is: the model's word, the host's where QEMU takes it, and what was asked for by name.</summary>
internal static class QemuIdentities
{
    private const uint Extended = 0x8000_0000;
    private const uint Centaur = 0xc000_0000;
    private const uint AmdAliases = 0x0183_f3ff; // CPUID_EXT2_AMD_ALIASES
    private const string Amd = "AuthenticAMD";
    private const string Intel = "GenuineIntel";

    /// <summary>The identity before features raise its levels.</summary>
    public static QemuIdentity Of(QemuCpuRequest cpu, HostSnapshot? host)
    {
        CpuidTable? own = (host?.SupportedCpuid ?? host?.NativeCpuid)?.Value;
        CpuidTable? native = (host?.NativeCpuid ?? host?.SupportedCpuid)?.Value;
        bool isHost = cpu.Base == QemuCpuBase.Host;
        CpuModelRange model = cpu.Model is { Signatures: [var first, ..] } ? first : default;
        CpuSignature fromHost = CpuSignature.FromLeaf1(native?.GetOrZero(1).Eax ?? 0);
        uint family = Number(cpu, "family", isHost ? fromHost.Family : model.Family);
        uint number = Number(cpu, "model", isHost ? fromHost.Model : model.FirstModel);
        uint stepping = Number(cpu, "stepping", isHost ? fromHost.Stepping : model.FirstStepping);
        // KVM's named models have the host's vendor; TCG's their own.
        string vendor = cpu.Settings.TryGetValue("vendor", out string? asked) ? asked
            : !cpu.Tcg && native is not null ? CpuidText.Vendor(native)
            : cpu.Base == QemuCpuBase.Nothing ? "" : cpu.Model?.Vendor ?? Intel;
        return new QemuIdentity
        {
            Vendor = vendor,
            Version = QemuIdentity.Signature(family, number, stepping),
            Brand = cpu.Settings.TryGetValue("model-id", out string? brand) ? brand : isHost && native is not null ? CpuidText.Brand(native) : cpu.Model?.ModelId ?? "",
            Level = Number(cpu, "min-level", isHost ? own?.GetOrZero(0).Eax ?? 0 : Setting(cpu, "level")),
            ExtendedLevel = Number(cpu, "min-xlevel", isHost ? own?.GetOrZero(Extended).Eax ?? 0 : Setting(cpu, "xlevel")),
            CentaurLevel = Number(cpu, "min-xlevel2", isHost ? own?.GetOrZero(Centaur).Eax ?? 0 : Setting(cpu, "xlevel2")),
        };
    }

    /// <summary>Levels that were set by name stay as they were set.</summary>
    public static QemuIdentity WithExplicitLevels(QemuCpuRequest cpu, QemuIdentity identity) => identity with
    {
        Level = Number(cpu, "level", identity.Level),
        ExtendedLevel = Number(cpu, "xlevel", identity.ExtendedLevel),
        CentaurLevel = Number(cpu, "xlevel2", identity.CentaurLevel),
        Level7 = Number(cpu, "level-func7", identity.Level7),
    };

    /// <summary>The family of layouts that CPUs of this vendor and signature have.</summary>
    public static XsaveLayoutFamily LayoutFamily(QemuIdentity identity)
    {
        CpuSignature signature = CpuSignature.FromLeaf1(identity.Version);
        return identity.Vendor == Intel ? XsaveLayoutFamily.Intel
            : signature is { Family: 0x17, Model: >= 0x30 } ? XsaveLayoutFamily.AmdZen2
            : XsaveLayoutFamily.Amd;
    }

    /// <summary>On AMD's CPUs leaf 80000001H EDX repeats bits of leaf 01H EDX.</summary>
    public static CpuidTable WithAmdAliases(QemuIdentity identity, CpuidTable table)
    {
        CpuidValues values = table.GetOrZero(Extended + 1);
        return identity.Vendor != Amd || identity.ExtendedLevel <= Extended
            ? table
            : table.With(Extended + 1, 0, values with { Edx = (values.Edx & ~AmdAliases) | (table.GetOrZero(1).Edx & AmdAliases) });
    }

    private static uint Setting(QemuCpuRequest cpu, string name)
        => cpu.Model?.Settings.TryGetValue(name, out string? text) != true ? 0
            : text!.StartsWith("0x", StringComparison.Ordinal) ? uint.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : uint.Parse(text, CultureInfo.InvariantCulture);

    private static uint Number(QemuCpuRequest cpu, string name, uint otherwise) => cpu.Number(name) is { } number ? (uint)number : otherwise;
}
