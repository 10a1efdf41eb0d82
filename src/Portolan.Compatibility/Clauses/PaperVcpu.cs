using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>A vCPU on paper: what the clauses know of it on one host, as sets and numbers.</summary>
internal sealed class PaperVcpu(GuestFacts guest, HostFacts host)
{
    private Dictionary<uint, ulong>? _msrs;
    private HashSet<uint>? _written;

    public GuestFacts Guest => guest;

    public HostFacts Host => host;

    /// <summary>Did KVM_SET_CPUID2 succeed?</summary>
    public bool HasCpuid { get; set; }

    /// <summary>The dynamic components that the process may give to guests.</summary>
    public XFeatureMask Permitted { get; set; } = host.Kernel.Except(XFeatures.Dynamic);

    /// <summary>G: what the guest's CPUID, as KVM stored it, promises and the host supports.</summary>
    public XFeatureMask Promised { get; set; }

    /// <summary>The dynamic components that the vCPU has.</summary>
    public XFeatureMask Dynamic => Promised & XFeatures.Dynamic;

    /// <summary>D with them.</summary>
    public XFeatureMask Enabled => host.Default | Dynamic;

    /// <summary>XSTATE_BV as it is, before a GET masks it.</summary>
    public XFeatureMask InUse { get; set; }

    /// <summary>IA32_XFD.</summary>
    public XFeatureMask Xfd { get; set; }

    /// <summary>The supervisor components that the guest's CPUID, as KVM stored it, promises.</summary>
    public XFeatureMask PromisedXss { get; set; }

    /// <summary>Did a missing fact leave open what the vCPU's VMX capability MSRs are? Then nothing can be said of them here.</summary>
    public bool IsVmxUntold { get; set; }

    /// <summary>IA32_XSS.</summary>
    public XFeatureMask Xss { get; set; }

    public XFeatureMask Xcr0 { get; set; } = XFeatures.X87;

    /// <summary>MXCSR as the image has it.</summary>
    public uint Mxcsr { get; set; } = 0x1f80;

    public KvmSystemRegisters System { get; set; } = ResetState.System(isBootstrap: true);

    /// <summary>Was KVM_CAP_HYPERV_ENLIGHTENED_VMCS enabled?</summary>
    public bool Enlightened { get; set; }

    /// <summary>The filter of a requested eVMCS revision; null where the span's holds.</summary>
    public EvmcsFilterSet? RevisionFilter { get; set; }

    /// <summary>Was KVM_CAP_EXCEPTION_PAYLOAD refused? What stands on it in KVM_SET_VCPU_EVENTS is then left out.</summary>
    public bool LacksExceptionPayload { get; set; }

    /// <summary>Was KVM_CAP_X86_TRIPLE_FAULT_EVENT refused?</summary>
    public bool LacksTripleFaultEvent { get; set; }

    /// <summary>Does the VM enforce PV CPUID?</summary>
    public bool EnforcesPv { get; set; }

    /// <summary>Did the VM turn KVM_X86_QUIRK_STUFF_FEATURE_MSRS off?</summary>
    public bool StartsFeatureMsrsAtZero { get; set; }

    /// <summary>The vCPU's own VMX capability MSRs, as far as they are known; null if nothing of the host's is known.</summary>
    public KnownVmxCapabilities? Vmx { get; set; } = host.Vmx;

    /// <summary>Did the guest execute VMXON, as the loaded nested state says?</summary>
    public bool InVmxOperation { get; set; }

    public bool InSmm { get; set; }

    /// <summary>The nested state that was loaded, as it would be saved.</summary>
    public ReadOnlyMemory<byte> Nested { get; set; }

    /// <summary>Was the XSAVE image never loaded, because a VMM ignored a refusal?</summary>
    public bool XsaveLost { get; set; }

    /// <summary>The revision of eVMCS that the VMM asks for by number.</summary>
    public int? EvmcsRevision { get; init; }

    /// <summary>The design of eVMCS that the host follows.</summary>
    public Kvm.Behaviours.EvmcsDesign? EvmcsDesign { get; init; }

    /// <summary>The TSC's frequency in kHz; null for the host's own.</summary>
    public uint? TscKhz { get; set; }

    /// <summary>An MSR that has no place of its own here: what was written, else a new vCPU's value.</summary>
    public ulong Msr(uint index)
        => _msrs is not null && _msrs.TryGetValue(index, out ulong value) ? value
            : host.Msr(index) is { } fact ? StartsFeatureMsrsAtZero && Kvm.Model.Msr.ModelMsr.IsStuffed(fact.Kind, fact.StartsAtMaximum) ? 0 : fact.Initial
            : 0;

    /// <summary>Is the MSR's value known: was it written, or does the snapshot tell a new vCPU's?</summary>
    public bool IsMsrKnown(uint index) => _written?.Contains(index) is true || StartsFeatureMsrsAtZero || host.Msr(index) is not { IsInitialUnknown: true };

    /// <summary>Stores an MSR's value.</summary>
    public void Store(uint index, ulong value)
    {
        (_msrs ??= [])[index] = value;
        (_written ??= []).Add(index);
    }
}
