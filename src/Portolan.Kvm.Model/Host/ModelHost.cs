using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Msr;
using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Host;

/// <summary>What the model needs of a host, computed once from its snapshot.</summary>
internal sealed class ModelHost
{
    /// <summary>Answers by the capability's number, so that an ioctl that asks for one does not search.</summary>
    private readonly long?[] _capabilities;

    private ModelHost(HostSnapshot snapshot, KvmBehaviours behaviours, XFeatureMask supported, UabiLayout layout)
    {
        Snapshot = snapshot;
        Behaviours = behaviours;
        SupportedXcr0 = supported;
        Layout = layout;
        Default = supported.Except(XFeatures.Dynamic);
        DefaultStateSize = layout.StandardSize(Default);
        HostXcr0 = snapshot.HostXcr0?.Value;
        MxcsrMask = snapshot.MxcsrMask?.Value;
        _capabilities = ByNumber(snapshot);
        Supported = snapshot.SupportedCpuid is { } table ? GuestCpuid.Of(table.Value) : null;
        MaySupport = snapshot.SupportedCpuid is { } known
            ? new ModelFeatures(Supported!.Features.Bits | ModelFeatures.Open(known.Value, snapshot.UnknownCpuidBits, snapshot.SupportedCpuidIsPartial).Bits)
            : new ModelFeatures(ulong.MaxValue);
        CpuidTable any = snapshot.AnyCpuid ?? CpuidTable.Empty;
        IsAmd = snapshot.KvmModule is { } module ? module.Value == "kvm_amd" || module.Value != "kvm_intel" && GuestCpuid.Of(any).IsAmd : GuestCpuid.Of(any).IsAmd;
        IsSvm = IsAmd && snapshot.KvmModule?.Value is null or "kvm_amd";
        HasXsave = !supported.IsEmpty;
        HasPku = supported[XFeatures.PkruIndex];
        Vmx = PartlyKnownMsr.VmxOf(snapshot);
        Msrs = MsrMap.Of(this);
        InitialImage = XsaveState.NewImage(this);
        ResetRegs = ResetState.General;
    }

    public HostSnapshot Snapshot { get; }

    public KvmBehaviours Behaviours { get; }

    /// <summary>S of the contract, section 1.6.</summary>
    public XFeatureMask SupportedXcr0 { get; }

    /// <summary>D of a vCPU that has no dynamic component.</summary>
    public XFeatureMask Default { get; }

    /// <summary>Bytes of a standard-format image with <see cref="Default"/>.</summary>
    public int DefaultStateSize { get; }

    /// <summary>The host kernel's own user components; null if the snapshot does not say.</summary>
    public XFeatureMask? HostXcr0 { get; }

    public uint? MxcsrMask { get; }

    public UabiLayout Layout { get; }

    /// <summary>KVM_GET_SUPPORTED_CPUID, compiled; null if the snapshot does not have it.</summary>
    public GuestCpuid? Supported { get; }

    /// <summary>The features that KVM supports or of which the snapshot does not tell.</summary>
    public ModelFeatures MaySupport { get; }

    public bool IsAmd { get; }

    /// <summary>Is the vendor module kvm_amd, as far as the snapshot says?</summary>
    public bool IsSvm { get; }

    public bool HasXsave { get; }

    public bool HasPku { get; }

    public MsrMap Msrs { get; }

    /// <summary>The maxima of the VMX capability MSRs, as far as they are known; null if the snapshot tells nothing of them.</summary>
    public KnownVmxCapabilities? Vmx { get; }

    /// <summary>The image of a vCPU that is all initial, as far as it is not zeros.</summary>
    public byte[] InitialImage { get; }

    /// <summary>The general registers of a new vCPU.</summary>
    public KvmRegs ResetRegs { get; }

    /// <summary>Compiles a snapshot; null, and the names of the missing facts, when it does not have what every guest needs.</summary>
    public static ModelHost? TryCreate(HostSnapshot snapshot, KvmBehaviours behaviours, out ImmutableArray<string> missing)
    {
        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        if (snapshot.SupportedXcr0 is null)
        {
            names.Add("supportedXcr0");
        }

        if (snapshot.SupportedCpuid is null && snapshot.NativeCpuid is null)
        {
            names.Add("supportedCpuid");
        }

        XFeatureMask supported = snapshot.SupportedXcr0?.Value ?? XFeatureMask.None;
        UabiLayout layout = UabiLayout.Read(snapshot.NativeCpuid?.Value, snapshot.SupportedCpuid?.Value, supported.Except(XFeatureMask.Legacy), names);
        missing = names.ToImmutable();
        return missing.IsEmpty ? new ModelHost(snapshot, behaviours, supported, layout) : null;
    }

    /// <summary>KVM_CHECK_EXTENSION as recorded: null if it is not known.</summary>
    public long? Capability(uint number) => number < _capabilities.Length ? _capabilities[number] : null;

    private static long?[] ByNumber(HostSnapshot snapshot)
    {
        long?[] answers = new long?[KvmCapability.All.Max(capability => capability.Number) + 1];
        foreach (CapabilityFact capability in KvmCapability.All)
        {
            if (snapshot.Capabilities?.Value.TryGetValue(capability.Name, out long value) is true)
            {
                answers[capability.Number] = value;
            }
        }

        return answers;
    }
}
