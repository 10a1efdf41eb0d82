using Portolan.Kvm;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_TSC_KHZ (contract M20).</summary>
internal static class TscClauses
{
    /// <summary>tsc_tolerance_ppm's default (arch/x86/kvm/x86.c).</summary>
    private const ulong Tolerance = 250;
    private const ulong Million = 1_000_000;

    /// <summary>Sets the frequency, or the rule that refuses it. 0 asks for the host's.</summary>
    public static RefusalRule? Set(PaperVcpu vcpu, uint khz)
    {
        if (vcpu.Host.Snapshot.TscKhz is not { } own)
        {
            // Hardware that scales takes any frequency.
            vcpu.TscKhz = khz == 0 ? null : khz;
            return vcpu.Host.Capability(KvmCapability.TscControl) > 0 ? null : MissingFact.Rule("tscKhz");
        }

        uint wanted = khz == 0 ? own.Value : khz;
        if (!IsWithin(wanted, own.Value) && wanted < own.Value)
        {
            switch (vcpu.Host.Capability(KvmCapability.TscControl))
            {
                case null:
                    return MissingFact.Rule("capabilities KVM_CAP_TSC_CONTROL");
                case 0:
                    return ClauseTable.TscKhz;
                default:
                    break;
            }
        }

        vcpu.TscKhz = wanted;
        return null;
    }

    /// <summary>Does the guest run faster than the host without hardware to scale it, so that KVM must catch up? Null: not known.</summary>
    public static bool? CatchesUp(PaperVcpu vcpu)
    {
        if (vcpu.TscKhz is not { } wanted || vcpu.Host.Snapshot.TscKhz is not { } own || wanted <= own.Value || IsWithin(wanted, own.Value))
        {
            return false;
        }

        return vcpu.Host.Capability(KvmCapability.TscControl) is { } scales ? scales == 0 : null;
    }

    /// <summary>The fastest host, in kHz, on which a guest of this frequency needs no scaling: within the tolerance.</summary>
    public static uint FastestHost(uint khz) => (uint)Math.Min(uint.MaxValue, khz * Million / (Million - Tolerance));

    /// <summary>The slowest such host.</summary>
    public static uint SlowestHost(uint khz) => (uint)((khz * Million + Million + Tolerance - 1) / (Million + Tolerance));

    private static bool IsWithin(uint wanted, uint own) => (ulong)(wanted > own ? wanted - own : own - wanted) * Million <= own * Tolerance;
}
