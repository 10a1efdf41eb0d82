namespace Portolan.Formats;

/// <summary>A format of another tool that can be read as a host snapshot.</summary>
/// <param name="Name">The name that <c>--format</c> takes.</param>
/// <param name="Description">Whose it is and what it tells.</param>
/// <param name="Tool">Who wrote it, as a fact's evidence says it.</param>
public sealed record ForeignFormat(string Name, string Description, string Tool)
{
    /// <summary>Todd Allen's <c>cpuid -r</c> or <c>cpuid -1r</c>: the CPU's own CPUID.</summary>
    public static ForeignFormat CpuidRaw { get; } = new("cpuid-raw", "the output of 'cpuid -r': the CPU's own CPUID, one or several CPUs", "cpuid -r");

    /// <summary>A fingerprint of Firecracker's cpu-template-helper.</summary>
    public static ForeignFormat FirecrackerFingerprint { get; } = new(
        "firecracker-fingerprint", "a fingerprint of Firecracker's cpu-template-helper: guest CPUID, MSRs, kernel, microcode", "Firecracker fingerprint");

    /// <summary>Every format, by name.</summary>
    public static IReadOnlyList<ForeignFormat> All { get; } = [CpuidRaw, FirecrackerFingerprint];

    /// <summary>The names, for a message.</summary>
    public static string Names => string.Join(", ", All.Select(static format => format.Name));

    /// <inheritdoc/>
    public override string ToString() => Name;
}
