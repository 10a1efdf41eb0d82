using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Clauses;

/// <summary>The worst state that a contract permits on the host where the guest starts, beside its XSAVE components.</summary>
internal static class WorstPaper
{
    private const ulong Cr0LongMode = Cr0Pg | Cr0Wp | Cr0Et | Cr0Pe | 1UL << 5;
    private const ulong Cr3SomePage = 0x1000;

    /// <summary>Gives the vCPU what this host accepts of it.</summary>
    public static void Apply(PaperVcpu vcpu)
    {
        if (vcpu.Guest.Features[ModelFeature.Xsave] && vcpu.Host.Capability(KvmCapability.Xcrs) > 0 && vcpu.Host.HasXsave)
        {
            XFeatureMask permitted = vcpu.Host.Supported.Except(XFeatures.Dynamic) | (vcpu.Host.Supported & vcpu.Guest.Contract.GuestPermission);
            _ = XcrClauses.Load(vcpu, XcrClauses.Largest(vcpu.Guest.Promised & permitted));
        }

        _ = SregsClauses.Load(vcpu, Registers(vcpu));
        XFeatureMask xss = vcpu.Guest.PromisedXss & (vcpu.Host.Snapshot.SupportedXss?.Value ?? XFeatureMask.None);
        if (vcpu.Host.Behaviours.MsrXss == MsrXss.GuestSupported && vcpu.Host.Lists(MsrIndex.Ia32Xss) && !xss.IsEmpty)
        {
            _ = MsrClauses.Write(vcpu, MsrIndex.Ia32Xss, xss.Bits);
        }
    }

    private static KvmSystemRegisters Registers(PaperVcpu vcpu)
    {
        ulong cr4 = vcpu.Guest.Cr4Allowed & (vcpu.Host.Cr4Allowed ?? 0) & ~Cr4Vmxe;
        bool longMode = vcpu.Guest.Features[ModelFeature.Lm] && vcpu.Host.Features?[ModelFeature.Lm] is true;
        if (!longMode)
        {
            return vcpu.System with { Cr4 = cr4 & ~Cr4La57, Efer = 0 };
        }

        ulong efer = vcpu.Guest.EferAllowed & (vcpu.Host.EferAllowed ?? 0) & ~EferSvme;
        return vcpu.System with
        {
            Cs = vcpu.System.Cs with { L = 1 },
            Cr0 = Cr0LongMode,
            Cr3 = Cr3SomePage,
            Cr4 = cr4 | Cr4Pae,
            Efer = efer | EferSce | EferLme | EferLma,
        };
    }
}
