namespace Portolan.Formats.ProcCpuinfo;

/// <summary>The names of the fields (arch/x86/kernel/cpu/proc.c, show_cpuinfo).</summary>
internal static class Field
{
    public const string Vendor = "vendor_id";
    public const string Family = "cpu family";
    public const string Model = "model";
    public const string Stepping = "stepping";
    public const string Microcode = "microcode";
    public const string Level = "cpuid level";
    public const string Flags = "flags";
    public const string VmxFlags = "vmx flags";
    public const string Clflush = "clflush size";
    public const string Addresses = "address sizes";
}
