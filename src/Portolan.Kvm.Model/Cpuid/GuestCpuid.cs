using Portolan.Kvm.Model.Registers;
using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Cpuid;

/// <summary>What KVM derives from a CPUID table once, at KVM_SET_CPUID2 or of its own supported table.</summary>
internal sealed class GuestCpuid
{
    private const int DefaultPhysicalAddressBits = 36;

    private readonly ulong?[] _cr4Fixed1 = new ulong?[Enum.GetValues<VmxFixed1Span>().Length];
    private (RuntimeCpuidInputs Inputs, CpuidTable Table)? _current;

    private GuestCpuid(CpuidTable table)
    {
        Table = table;
        Features = ModelFeatures.Of(table);
        HasXsaveLeaf = table.TryGet(CpuidLeaf.Xsave, 0, out CpuidValues user);
        PromisedXcr0 = new XFeatureMask((ulong)user.Edx << 32 | user.Eax);
        CpuidValues supervisor = table.GetOrZero(CpuidLeaf.Xsave, 1);
        PromisedXss = new XFeatureMask((ulong)supervisor.Edx << 32 | supervisor.Ecx);
        uint widths = table.GetOrZero(CpuidLeaf.AddressWidths).Eax;
        bool tellsWidths = table.GetOrZero(CpuidLeaf.ExtendedFirst).Eax >= CpuidLeaf.AddressWidths && table.TryGet(CpuidLeaf.AddressWidths, 0, out _);
        PhysicalAddressBits = tellsWidths ? (int)(widths & byte.MaxValue) : DefaultPhysicalAddressBits;
        LinearAddressBits = (int)(widths >> 8 & byte.MaxValue);
        VendorEbx = table.GetOrZero(CpuidLeaf.Vendor).Ebx;
        PermittedCr4 = ControlRegisters.Permitted(ControlRegisters.Cr4Features, Features);
        HasHypervInterface = table.GetOrZero(CpuidLeaf.HypervInterface).Eax == CpuidLeaf.HypervSignature;
        EvmcsCarriesPerfGlobalCtrl = (table.GetOrZero(CpuidLeaf.HypervNested).Ebx & CpuidLeaf.EvmcsPerfGlobalCtrl) != 0;
    }

    /// <summary>No table: a vCPU before KVM_SET_CPUID2.</summary>
    public static GuestCpuid None { get; } = new(CpuidTable.Empty);

    public CpuidTable Table { get; }

    public ModelFeatures Features { get; }

    /// <summary>Is there a leaf 0DH, subleaf 0?</summary>
    public bool HasXsaveLeaf { get; }

    public XFeatureMask PromisedXcr0 { get; }

    public XFeatureMask PromisedXss { get; }

    /// <summary>Contract C7.</summary>
    public int PhysicalAddressBits { get; }

    /// <summary>CPUID.80000008H:EAX[15:8]; 0 without the leaf.</summary>
    public int LinearAddressBits { get; }

    /// <summary>CPUID.0:EBX; 0 without the leaf.</summary>
    public uint VendorEbx { get; }

    public bool IsAmd => VendorEbx is CpuidLeaf.AmdEbx or CpuidLeaf.HygonEbx;

    /// <summary>The CR4 bits, of those that need a feature, that the guest may set.</summary>
    public ulong PermittedCr4 { get; }

    public bool HasHypervInterface { get; }

    /// <summary>CPUID.4000000AH:EBX[0].</summary>
    public bool EvmcsCarriesPerfGlobalCtrl { get; }

    /// <summary>The bits a guest-physical address cannot have.</summary>
    public ulong ReservedAddressBits => PhysicalAddressBits >= 64 ? 0 : ulong.MaxValue << PhysicalAddressBits;

    public static GuestCpuid Of(CpuidTable table) => table.Count == 0 ? None : new GuestCpuid(table);

    /// <summary>The table with its run-time bits; kept for the next vCPU whose registers are alike.</summary>
    public CpuidTable Current(Host.ModelHost host, in RuntimeCpuidInputs inputs)
    {
        if (_current is not { } kept || kept.Inputs != inputs)
        {
            _current = kept = (inputs, RuntimeCpuid.Apply(Table, host, inputs));
        }

        return kept.Table;
    }

    /// <summary>IA32_VMX_CR4_FIXED1 of a guest with this table.</summary>
    public ulong Cr4Fixed1(VmxFixed1Span span) => _cr4Fixed1[(int)span] ??= VmxFixed1.Cr4(Table, span);

    /// <summary>Is this a page-aligned address of the guest?</summary>
    public bool IsPageAddress(ulong address) => (address & (Page.Size - 1)) == 0 && (address & ReservedAddressBits) == 0;

    /// <summary>
    /// What CPUID answers in the guest from a table: the row; else, on a CPU that is not AMD's, the highest basic leaf for a leaf
    /// beyond its range; else zeros (arch/x86/kvm/cpuid.c get_out_of_range_cpuid_entry).
    /// </summary>
    public CpuidValues Answer(CpuidTable current, uint leaf, uint subleaf)
    {
        if (current.TryGet(leaf, subleaf, out CpuidValues values))
        {
            return values;
        }

        uint basicMaximum = current.GetOrZero(CpuidLeaf.Vendor).Eax;
        if (IsAmd || !current.TryGet(CpuidLeaf.Vendor, 0, out _) || IsWithinItsClass(current, leaf))
        {
            return default;
        }

        return current.GetOrZero(basicMaximum, subleaf);
    }

    private static bool IsWithinItsClass(CpuidTable current, uint leaf)
    {
        uint first = leaf switch
        {
            >= CpuidLeaf.HypervisorFirst and <= CpuidLeaf.HypervisorLast => leaf & ~(uint)byte.MaxValue,
            >= CpuidLeaf.CentaurFirst => CpuidLeaf.CentaurFirst,
            _ => leaf & CpuidLeaf.ExtendedFirst,
        };
        return current.TryGet(first, 0, out CpuidValues values) && leaf <= values.Eax;
    }
}
