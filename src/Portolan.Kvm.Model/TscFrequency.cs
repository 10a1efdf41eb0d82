using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Host;

namespace Portolan.Kvm.Model;

/// <summary>KVM_SET_TSC_KHZ (contract M20).</summary>
internal static class TscFrequency
{
    /// <summary>The module parameter tsc_tolerance_ppm's default.</summary>
    private const ulong TolerancePpm = 250;
    private const ulong Million = 1_000_000;

    /// <summary>Judges a request; <paramref name="effective"/> is the frequency the vCPU then has, 0 standing for the host's.</summary>
    public static KvmAnswer Set(ModelHost host, uint khz, out uint effective)
    {
        effective = khz;
        if (host.Snapshot.TscKhz is not { } fact)
        {
            return MissingFact.Answer("tscKhz");
        }

        uint own = fact.Value;
        effective = khz == 0 ? own : khz;
        ulong difference = effective > own ? effective - own : own - effective;
        if (difference * Million <= own * TolerancePpm || effective > own)
        {
            // Within the tolerance nothing is scaled; a faster guest can be caught up without hardware.
            return KvmAnswer.Done;
        }

        return host.Capability(KvmCapability.TscControl) switch
        {
            null => MissingFact.Answer("capabilities KVM_CAP_TSC_CONTROL"),
            0 => new KvmAnswer(Errno.EINVAL, ClauseTable.TscKhz),
            _ => KvmAnswer.Done,
        };
    }
}
