using System.Collections.Immutable;
using System.Text;
using Portolan.Formats.Export;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Models;

namespace Portolan.Formats.QemuCpu;

/// <summary>QEMU's -machine and -cpu options: a model with its version, every difference as <c>name=on|off</c>.</summary>
internal static class QemuCpuWriter
{
    /// <summary>Settings that -cpu takes and a contract can ask for.</summary>
    public static ImmutableHashSet<string> Settings { get; } =
    [
        "model", "stepping", "model-id", "phys-bits", "guest-phys-bits", "avx10-version", "tsc-frequency", "pmu", "kvm-pv-enforce-cpuid",
        "hv-spinlocks", "x-hv-max-vps", "hv-version-id-build", "hv-version-id-major", "hv-version-id-minor", "hv-version-id-spack",
        "hv-version-id-sbranch", "hv-version-id-snumber", "hv-vendor-id", "hv-enforce-cpuid", "level", "level-func7", "xlevel", "xlevel2",
    ];

    /// <summary>Every QEMU model by the name that says its version, and every property.</summary>
    public static ExportVocabulary Vocabulary { get; } = new(
        [.. CpuModelTable.Of(CpuModelOrigin.Qemu).Select(static model => (model.Name, model))], static property => property.Name, Settings, CarriesMachineType: true);

    /// <summary>The options on one line, quoted for a shell where a value has a space.</summary>
    public static string Write(CpuChoice choice)
    {
        string machine = choice.Request.MachineType is { } type ? $"-machine {type} " : "";
        string cpu = Cpu(choice.Model!, choice.Request);
        return $"{machine}-cpu {(cpu.Any(static letter => !char.IsAsciiLetterOrDigit(letter) && !"-_.,=".Contains(letter, StringComparison.Ordinal)) ? $"'{cpu}'" : cpu)}\n";
    }

    /// <summary>The argument of -cpu.</summary>
    public static string Cpu(string model, QemuCpuRequest request)
    {
        StringBuilder text = new(model);
        foreach ((string name, bool on) in request.Features)
        {
            text.Append(',').Append(name).Append(on ? "=on" : "=off");
        }

        foreach ((string name, string value) in request.Settings)
        {
            text.Append(',').Append(name).Append('=').Append(value);
        }

        return text.ToString();
    }
}
