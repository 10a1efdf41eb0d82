using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Registers;
using Portolan.X86.Cpuid;
using Portolan.X86.Evmcs;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What the clauses ask of a contract, computed once.</summary>
internal sealed class GuestFacts
{
    private const int DefaultPhysicalAddressBits = 36;
    private static readonly ConditionalWeakTable<GuestContract, GuestFacts> Known = [];

    private GuestFacts(GuestContract contract)
    {
        Contract = contract;
        CpuidTable table = contract.Cpuid;
        Words = CpuidWords.Of(table);
        Features = ModelFeatures.Of(table);
        Promised = XsaveLeaf.Xcr0(table);
        PromisedXss = XsaveLeaf.Xss(table);
        uint widths = table.GetOrZero(CpuidLeaf.AddressWidths).Eax;
        TellsWidths = table.GetOrZero(CpuidLeaf.ExtendedFirst).Eax >= CpuidLeaf.AddressWidths && table.TryGet(CpuidLeaf.AddressWidths, 0, out _);
        PhysicalAddressBits = TellsWidths ? (int)(widths & byte.MaxValue) : DefaultPhysicalAddressBits;
        LinearAddressBits = (int)(widths >> 8 & byte.MaxValue);
        Cr4Allowed = ControlRegisters.Permitted(ControlRegisters.Cr4Features, Features);
        EferAllowed = ControlRegisters.Permitted(ControlRegisters.EferFeatures, Features);
        HasHypervInterface = EvmcsFilter.HasHypervInterface(table);
        PerfGlobalCtrl = EvmcsFilter.HasPerfGlobalCtrl(table);
        ImmutableArray<CpuidFeature> paravirtual = ParavirtClauses.Of(table);
        KvmFeatures = [.. paravirtual.Where(static field => field.Space == CpuidSpace.Kvm)];
        HypervFeatures = [.. paravirtual.Where(static field => field.Space == CpuidSpace.HyperV)];
        FeatureMsrs = [.. contract.FeatureMsrs.Where(static row => row.Index != MsrIndex.Ia32VmxMisc), .. contract.FeatureMsrs.Where(static row => row.Index == MsrIndex.Ia32VmxMisc)];
    }

    public GuestContract Contract { get; }

    /// <summary>The CPUID registers of <see cref="CpuidWords"/>.</summary>
    public uint[] Words { get; }

    /// <summary>The features that KVM's checks ask for.</summary>
    public ModelFeatures Features { get; }

    /// <summary>CPUID.(EAX=0DH,ECX=0):EDX:EAX.</summary>
    public XFeatureMask Promised { get; }

    /// <summary>CPUID.(EAX=0DH,ECX=1):EDX:ECX.</summary>
    public XFeatureMask PromisedXss { get; }

    /// <summary>Does the table tell the address widths itself?</summary>
    public bool TellsWidths { get; }

    public int PhysicalAddressBits { get; }

    public int LinearAddressBits { get; }

    /// <summary>CR4 bits, of those that need a feature, that the guest may set.</summary>
    public ulong Cr4Allowed { get; }

    /// <summary>EFER bits, of those that need a feature, that the guest may set.</summary>
    public ulong EferAllowed { get; }

    public bool HasHypervInterface { get; }

    /// <summary>CPUID.4000000AH:EBX[0].</summary>
    public bool PerfGlobalCtrl { get; }

    /// <summary>KVM's own features that the table shows.</summary>
    public ImmutableArray<CpuidFeature> KvmFeatures { get; }

    /// <summary>Hyper-V's enlightenments that the table shows.</summary>
    public ImmutableArray<CpuidFeature> HypervFeatures { get; }

    /// <summary>The feature MSRs in the order in which a VMM writes them: IA32_VMX_MISC last (contract M12).</summary>
    public MsrValue[] FeatureMsrs { get; }

    /// <summary>Bits that a guest-physical address cannot have.</summary>
    public ulong ReservedAddressBits => PhysicalAddressBits >= 64 ? 0 : ulong.MaxValue << PhysicalAddressBits;

    /// <summary>The facts of a contract; of the same contract they are computed once.</summary>
    public static GuestFacts Of(GuestContract contract) => Known.GetValue(contract, static promised => new GuestFacts(promised));

    /// <summary>Is this a page-aligned address of the guest?</summary>
    public bool IsPageAddress(ulong address) => (address & 0xfff) == 0 && (address & ReservedAddressBits) == 0;
}
