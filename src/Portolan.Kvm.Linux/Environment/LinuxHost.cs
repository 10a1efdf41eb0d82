using System.Collections.Immutable;
using Portolan.Kvm.Probing;

namespace Portolan.Kvm.Linux.Environment;

/// <summary>Reads what this machine says of itself in /proc, /sys and CPUID.</summary>
public static class LinuxHost
{
    private static readonly string[] VendorModules = ["kvm_intel", "kvm_amd", "kvm_pvm"];

    /// <summary>Reads it; what is missing or may not be read stays null.</summary>
    public static HostEnvironment Read()
    {
        string? module = VendorModules.FirstOrDefault(name => Directory.Exists($"/sys/module/{name}"));
        (string? vmm, ImmutableArray<string>? machines) = InstalledQemu.Ask();
        return new HostEnvironment
        {
            HostName = Line("/proc/sys/kernel/hostname"),
            KernelRelease = Line("/proc/sys/kernel/osrelease"),
            KernelVersion = Line("/proc/sys/kernel/version"),
            Microcode = Microcode(),
            KvmModule = module,
            ModuleParameters = Parameters(module is null ? ["kvm"] : ["kvm", module]),
            BootId = Line("/proc/sys/kernel/random/boot_id"),
            NativeCpuid = NativeCpuid.Read(),
            Vmm = vmm,
            MachineTypes = machines,
        };
    }

    private static string? Microcode()
        => Lines("/proc/cpuinfo")
            .Where(line => line.StartsWith("microcode", StringComparison.Ordinal))
            .Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())
            .FirstOrDefault(value => value.Length > 0);

    private static ImmutableSortedDictionary<string, string>? Parameters(string[] modules)
    {
        ImmutableSortedDictionary<string, string>.Builder found = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string module in modules)
        {
            string folder = $"/sys/module/{module}/parameters";
            foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder) : [])
            {
                if (Line(file) is { } value)
                {
                    found[$"{module}.{Path.GetFileName(file)}"] = value;
                }
            }
        }

        return found.Count == 0 ? null : found.ToImmutable();
    }

    private static string? Line(string path) => Lines(path).FirstOrDefault()?.Trim();

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Some parameters are write-only or root's: they stay unknown.
            return [];
        }
    }
}
