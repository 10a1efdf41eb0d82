using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <content>The state that a guest has where nobody gave one: the most that the contract permits.</content>
public sealed partial class RouteRunner
{
    private static readonly CpuidFeature Xsave = FeatureTable.Get("xsave");

    /// <summary>
    /// The guest uses every component. The image goes in before KVM_SET_CPUID2, when every generation takes it: on hardware a guest's
    /// components get into use without asking KVM.
    /// </summary>
    private void UseComponents(RouteHost host, IKvmVcpu vcpu)
    {
        XFeatureMask components = host.SupportedXcr0.Except(XFeatureTable.Dynamic);
        byte[] image = WorstState.Image(TransferPlan.LegacyXsaveSize, Contents(host), components);
        KvmAnswer set = vcpu.SetXsave(image);
        if (Brought(VcpuPart.Xsave, "KVM_SET_XSAVE", set, $"the guest's state: XSTATE_BV={components}"))
        {
            _components.Start(image, host.LayoutNow);
        }
    }

    /// <summary>What exists only on a vCPU that has its CPUID: dynamic components (contract X31), XCR0, the modes, IA32_XSS.</summary>
    private RouteEnd UseRegisters(RouteHost host, IKvmVcpu vcpu, TransferPlan plan)
    {
        UseDynamic(host, vcpu, plan);
        if (plan.HasXcrs && _contract.Cpuid.Has(Xsave))
        {
            XFeatureMask usable = XFeatureMask.None;
            foreach (int component in (_contract.PromisedXcr0 & host.SupportedXcr0).Components())
            {
                usable |= XFeatureTable.Dynamic[component] && !_contract.GuestPermission[component] ? default : XFeatureMask.Of(component);
            }

            XFeatureMask xcr0 = WorstState.Xcr0(usable);
            Brought(VcpuPart.Xcrs, "KVM_SET_XCRS", vcpu.SetXcrs(KvmXcrs.Xcr0(xcr0.Bits)), $"the guest's state: XCR0={xcr0}");
        }

        UseModes(host, vcpu, plan);
        UseXss(vcpu, plan);
        return RouteEnd.Arrived;
    }

    private void UseDynamic(RouteHost host, IKvmVcpu vcpu, TransferPlan plan)
    {
        XFeatureMask dynamic = _contract.PromisedXcr0 & XFeatureTable.Dynamic & _contract.GuestPermission & host.SupportedXcr0;
        if (dynamic.IsEmpty || Untold[VcpuPart.Xsave] || !GetImage(vcpu, plan, out byte[] image))
        {
            return;
        }

        WorstState.Use(image, Contents(host), dynamic);
        if (Brought(VcpuPart.Xsave, "KVM_SET_XSAVE", vcpu.SetXsave(image), $"the guest's state: {XFeatureTable.Names(dynamic)} too"))
        {
            _components.Add(image, host.LayoutNow, dynamic);
        }
    }

    private void UseModes(RouteHost host, IKvmVcpu vcpu, TransferPlan plan)
    {
        KvmAnswer set;
        KvmSystemRegisters registers;
        if (plan.HasSregs2)
        {
            KvmAnswer<KvmSregs2> fresh = vcpu.GetSregs2();
            registers = WorstState.Modes(fresh.ValueOr(default).Registers, _contract.Cpuid, host.SupportedNow);
            set = fresh.Ok ? vcpu.SetSregs2(fresh.Value with { Registers = registers }) : fresh.WithoutValue();
        }
        else
        {
            KvmAnswer<KvmSregs> fresh = vcpu.GetSregs();
            registers = WorstState.Modes(fresh.ValueOr(default).Registers, _contract.Cpuid, host.SupportedNow);
            set = fresh.Ok ? vcpu.SetSregs(fresh.Value with { Registers = registers }) : fresh.WithoutValue();
        }

        Brought(VcpuPart.Sregs, plan.HasSregs2 ? "KVM_SET_SREGS2" : "KVM_SET_SREGS", set, $"the guest's state: CR0=0x{registers.Cr0:x} CR4=0x{registers.Cr4:x} EFER=0x{registers.Efer:x}");
    }

    /// <summary>Which supervisor components KVM lets a guest set no ioctl tells: each is tried.</summary>
    private void UseXss(IKvmVcpu vcpu, TransferPlan plan)
    {
        XFeatureMask set = XFeatureMask.None;
        if (_contract.PromisedXss.IsEmpty || !plan.SavedMsrs.Contains(MsrIndex.Ia32Xss))
        {
            return;
        }

        KvmAnswer<int> last = 0;
        foreach (int component in _contract.PromisedXss.Components())
        {
            XFeatureMask more = set | XFeatureMask.Of(component);
            last = vcpu.SetMsrs([new MsrValue(MsrIndex.Ia32Xss, more.Bits)]);
            _recorder.Miss(last.WithoutValue());
            set = last.ValueOr(0) == 1 ? more : set;
        }

        if (!_recorder.Silent && !set.IsEmpty)
        {
            _recorder.Note("KVM_SET_MSRS", $"the guest's state: IA32_XSS={set}", KvmAnswer.Done);
        }
    }

    /// <summary>
    /// The guest runs on, and what the host keeps enabled for its vCPUs gets into use again although nobody promised it: on hardware the
    /// host's own PKRU is in the registers when the guest's are saved (contract X18).
    /// </summary>
    private void RunGuest(RouteHost host, IKvmVcpu vcpu, TransferPlan plan)
    {
        if (Untold[VcpuPart.Xsave] || !GetImage(vcpu, plan, out byte[] image) || !ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage held, out _))
        {
            return;
        }

        XFeatureMask extra = host.SupportedXcr0.Except(XFeatureTable.Dynamic | held.XstateBv | _components.Promised);
        if (extra.IsEmpty)
        {
            return;
        }

        WorstState.Use(image, Contents(host), extra);
        KvmAnswer set = vcpu.SetXsave(image);
        _recorder.Phase = RoutePhase.Guest;
        if (Brought(VcpuPart.Xsave, "KVM_RUN", set, $"the guest runs; {(_recorder.Silent ? "" : XFeatureTable.Names(extra))} of the host's get into use"))
        {
            _components.Add(image, host.LayoutNow, extra);
        }
    }

    /// <summary>The image as KVM gives it; false where it gives none.</summary>
    private bool GetImage(IKvmVcpu vcpu, TransferPlan plan, out byte[] image)
    {
        image = new byte[Math.Max(TransferPlan.LegacyXsaveSize, plan.Xsave2Size)];
        KvmAnswer got = plan.Xsave2Size > 0 ? vcpu.GetXsave2(image) : vcpu.GetXsave(image);
        if (got.IsUnknown)
        {
            _recorder.Miss(got);
            Untold.Forget(VcpuPart.Xsave);
        }

        return got.Ok;
    }

    /// <summary>The guest's own doing, played by an ioctl: a refusal is none of the guest's, and a missing fact leaves the part untold.</summary>
    private bool Brought(VcpuPart part, string call, KvmAnswer answer, FormattableString essentials)
    {
        if (answer.IsUnknown)
        {
            _recorder.Miss(answer);
            Untold.Forget(part);
        }
        else if (answer.Ok && !_recorder.Silent)
        {
            _recorder.Note(call, FormattableString.Invariant(essentials), answer);
        }

        return answer.Ok;
    }

    /// <summary>Where contents are to be put; nowhere if nobody follows them.</summary>
    private XsaveLayout Contents(RouteHost host) => _recorder.Silent ? XsaveLayout.Legacy : host.LayoutNow ?? XsaveLayout.Legacy;
}
