using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>A guest that started on a host and can leave it: its vCPU there, what it carries, and which components it had in use.</summary>
internal sealed record Departure(PaperVcpu Vcpu, CarriedState Carried, XFeatureMask InUse)
{
    public GuestFacts Guest => Vcpu.Guest;

    /// <summary>The host that it leaves.</summary>
    public HostFacts Source => Vcpu.Host;
}
