using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;

namespace Portolan.Compatibility.Lint;

/// <summary>Whether a host has the state that a row speaks of.</summary>
internal sealed class LintedHost(HostSnapshot host)
{
    private const string Everywhere = "-";
    private const string Listed = "listed";
    private const string CapabilityPrefix = "KVM_CAP_";

    /// <summary>Does KVM_GET_MSR_INDEX_LIST, as the snapshot has it, hold the MSR?</summary>
    public bool Lists(uint msr) => host.SavedMsrs?.Value.Contains(msr) is true;

    /// <summary>
    /// Has the host the state? A list that another tool recorded need not be whole, so that an MSR that it lacks is there
    /// where <paramref name="isPromisedByFeature"/>: KVM lists the MSRs of the features that it supports.
    /// </summary>
    public Answer Has(GuestStateRow row, uint? msr, bool isPromisedByFeature) => row.Presence switch
    {
        Everywhere => Answer.Yes("every KVM has it"),
        Listed => IsListed(msr!.Value, isPromisedByFeature),
        _ when row.Presence.StartsWith(CapabilityPrefix, StringComparison.Ordinal) => HasCapability(row.Presence),
        _ => host.Behaviours.TryGetValue(row.Presence, out Fact<string>? value)
            ? value.Value == "present" ? Answer.Yes($"behaviour {row.Presence}=present, {Quality(value.Evidence)}") : Answer.No
            : Answer.Unknown(row.Presence),
    };

    private Answer IsListed(uint msr, bool isPromisedByFeature)
    {
        if (Lists(msr))
        {
            return Answer.Yes($"KVM_GET_MSR_INDEX_LIST has it, {Quality(host.SavedMsrs!.Evidence)}");
        }

        return host.SavedMsrs is { Evidence.Quality: EvidenceQuality.Measured } ? Answer.No
            : isPromisedByFeature ? Answer.Yes("KVM lists the MSRs of the features that it supports; the snapshot has no whole list")
            : Answer.Unknown("savedMsrs");
    }

    private Answer HasCapability(string name)
    {
        if (host.Capabilities is { } known && known.Value.TryGetValue(name, out long answer))
        {
            return answer != 0 ? Answer.Yes($"{name} is {answer}, {Quality(known.Evidence)}") : Answer.No;
        }

        string? since = KvmCapability.All.FirstOrDefault(capability => capability.Name == name)?.Since;
        bool isDated = KernelRelease.TryParse(since, out KernelRelease first) & KernelRelease.TryParse(host.KernelRelease?.Value, out KernelRelease own);
        return !isDated ? Answer.Unknown(name) : own >= first ? Answer.Yes($"{name} is there since {since}") : Answer.No;
    }

    private static string Quality(Evidence evidence) => evidence.Quality switch
    {
        EvidenceQuality.Measured => "measured",
        EvidenceQuality.Recorded => "recorded",
        _ => "derived",
    };
}
