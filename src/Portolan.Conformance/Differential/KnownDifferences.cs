using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Differential;

/// <summary>Where the model need not do as a kernel does, and why.</summary>
/// <param name="Group">How the difference's group begins.</param>
/// <param name="Module">The vendor module that does so; any if null.</param>
/// <param name="Reason">Why it is none of the model's.</param>
internal sealed record KnownDifference(string Group, string? Module, string Reason);

/// <summary>The known differences: a short list, each with its reason.</summary>
internal static class KnownDifferences
{
    private const string Deprivileged = "kvm_pvm";
    private const string OwnMsrs = "kvm_pvm runs guests de-privileged and handles this MSR in a way of its own, as no vendor module does";

    private static readonly KnownDifference[] Rows =
    [
        new("KVM_GET_XSAVE MXCSR_MASK", null, "MXCSR_MASK tells of the CPU and no instruction loads it: a kernel writes it with a component's initial state, the model leaves what the image had"),
        new("KVM_GET_CPUID2", Deprivileged, "kvm_pvm gives a guest the CPUID of the CPU that it runs on, whatever was set; a snapshot does not hold that CPU's"),
        .. new[] { "140H", "175H", "176H", "17BH", "1D9H", "1DBH", "1DCH", "1DDH", "1DEH", "277H", "C0010015H", "C0010117H", "C001011FH" }
            .Select(static index => new KnownDifference($"KVM_SET_MSRS {index}", Deprivileged, OwnMsrs)),
    ];

    /// <summary>The known difference that a difference is; null where it is none.</summary>
    public static KnownDifference? Explain(string group, HostSnapshot host)
        => Rows.FirstOrDefault(row => (group + " ").StartsWith(row.Group + " ", StringComparison.Ordinal) && (row.Module is null || row.Module == host.KvmModule?.Value));
}
