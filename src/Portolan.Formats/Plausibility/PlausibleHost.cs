using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Formats.Plausibility;

/// <summary>
/// Evidence that cannot be true: reported with its place, and unknown from then on. Every import goes through it
/// (<see cref="FormatRecognition"/>).
/// </summary>
public static class PlausibleHost
{
    /// <summary>The host without what cannot be true, and a remark about each such place.</summary>
    public static ImportedHost Of(ImportedHost imported)
    {
        ArgumentNullException.ThrowIfNull(imported);
        List<string> remarks = [];
        HostSnapshot host = Native(Supported(imported.Snapshot, remarks), remarks);
        host = host with { NativeMsrs = Believable(host.NativeMsrs, remarks), FeatureMsrs = Believable(host.FeatureMsrs, remarks) };
        return remarks.Count == 0 ? imported : imported with { Snapshot = host, Remarks = [.. imported.Remarks, .. remarks] };
    }

    private static HostSnapshot Native(HostSnapshot host, List<string> remarks)
    {
        if (host.NativeCpuid is not { } native)
        {
            return host;
        }

        Doubts doubts = new("the CPU's CPUID", native.Value, host.UnknownNativeBits, host.NativeCpuidIsPartial);
        remarks.AddRange(CpuidPlausibility.Check(doubts, isHardware: true));
        return doubts.Any ? host with { NativeCpuid = native with { Value = doubts.Table }, UnknownNativeBits = doubts.Unknown } : host;
    }

    private static HostSnapshot Supported(HostSnapshot host, List<string> remarks)
    {
        if (host.SupportedCpuid is not { } supported)
        {
            return host;
        }

        Doubts doubts = new("the supported CPUID", supported.Value, host.UnknownCpuidBits, host.SupportedCpuidIsPartial);
        remarks.AddRange(CpuidPlausibility.Check(doubts, isHardware: false));
        return doubts.Any ? host with { SupportedCpuid = supported with { Value = doubts.Table }, UnknownCpuidBits = doubts.Unknown } : host;
    }

    private static Fact<MsrTable>? Believable(Fact<MsrTable>? msrs, List<string> remarks)
    {
        if (msrs is null)
        {
            return null;
        }

        MsrTable believed = MsrPlausibility.Check(msrs.Value, remarks);
        return ReferenceEquals(believed, msrs.Value) ? msrs : believed.Count == 0 ? null : msrs with { Value = believed };
    }
}
