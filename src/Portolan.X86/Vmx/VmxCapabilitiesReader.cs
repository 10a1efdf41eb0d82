using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>VMX capability MSRs out of, and back into, a table of MSR values.</summary>
public static class VmxCapabilitiesReader
{
    /// <summary>The MSRs every processor with VMX has (SDM vol. 3D A.1 to A.9); the TRUE forms and the rest depend on these.</summary>
    private static readonly uint[] Always =
    [
        MsrIndex.Ia32VmxBasic,
        MsrIndex.Ia32VmxMisc,
        MsrIndex.Ia32VmxCr0Fixed0,
        MsrIndex.Ia32VmxCr0Fixed1,
        MsrIndex.Ia32VmxCr4Fixed0,
        MsrIndex.Ia32VmxCr4Fixed1,
        MsrIndex.Ia32VmxVmcsEnum,
    ];

    /// <summary>Each TRUE form and the MSR that stands in for it where IA32_VMX_BASIC[55] is 0.</summary>
    private static readonly (uint True, uint Plain)[] Forms =
    [
        (MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxPinbasedCtls),
        (MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxProcbasedCtls),
        (MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxExitCtls),
        (MsrIndex.Ia32VmxTrueEntryCtls, MsrIndex.Ia32VmxEntryCtls),
    ];

    /// <summary>Every MSR but the forms that are derived from the TRUE ones.</summary>
    internal static IReadOnlyList<uint> Own { get; } =
    [
        .. Always,
        .. Forms.Select(static form => form.True),
        MsrIndex.Ia32VmxProcbasedCtls2,
        MsrIndex.Ia32VmxEptVpidCap,
        MsrIndex.Ia32VmxVmfunc,
        MsrIndex.Ia32VmxProcbasedCtls3,
        MsrIndex.Ia32VmxExitCtls2,
    ];

    /// <summary>The MSRs that KVM's own list of saved MSRs has, derived forms left out, in an order in which KVM accepts them.</summary>
    public static IReadOnlyList<uint> RestoreOrder { get; } =
    [
        MsrIndex.Ia32VmxBasic,
        MsrIndex.Ia32VmxTruePinbasedCtls,
        MsrIndex.Ia32VmxTrueProcbasedCtls,
        MsrIndex.Ia32VmxTrueExitCtls,
        MsrIndex.Ia32VmxTrueEntryCtls,
        MsrIndex.Ia32VmxProcbasedCtls2,
        MsrIndex.Ia32VmxMisc,
        MsrIndex.Ia32VmxCr0Fixed0,
        MsrIndex.Ia32VmxCr4Fixed0,
        MsrIndex.Ia32VmxVmcsEnum,
        MsrIndex.Ia32VmxEptVpidCap,
        MsrIndex.Ia32VmxVmfunc,
    ];

    /// <summary>
    /// Reads the capabilities. Without IA32_VMX_BASIC in the table, or without an MSR that the others say exists, the answer is
    /// false and <paramref name="missing"/> names the first such MSR.
    /// </summary>
    public static bool TryRead(MsrTable values, out VmxCapabilities capabilities, out uint missing)
    {
        ArgumentNullException.ThrowIfNull(values);
        capabilities = default;
        foreach (uint index in Always)
        {
            if (!TryTake(values, index, index, ref capabilities, out missing))
            {
                return false;
            }
        }

        bool trueForms = (capabilities.Basic & VmxBits.BasicDefault1ControlsMayBe0) != 0;
        foreach ((uint form, uint plain) in Forms)
        {
            if (!TryTake(values, trueForms ? form : plain, form, ref capabilities, out missing))
            {
                return false;
            }
        }

        return TryReadDependent(values, ref capabilities, out missing);
    }

    /// <summary>
    /// Reads the capabilities as far as they are known: all of them where the table has every MSR that must be there, else each MSR
    /// as it is told. Null where nothing is known of any.
    /// </summary>
    /// <param name="values">MSRs of which every bit is known.</param>
    /// <param name="partly">What is known of another MSR: its bits, and a 1 for every bit that is known; null for nothing.</param>
    public static KnownVmxCapabilities? ReadKnown(MsrTable values, Func<uint, (ulong Value, ulong Known)?> partly)
    {
        ArgumentNullException.ThrowIfNull(partly);
        if (TryRead(values, out VmxCapabilities capabilities, out _))
        {
            return KnownVmxCapabilities.All(capabilities);
        }

        KnownVmxCapabilities known = default;
        foreach (uint index in Own)
        {
            (ulong Value, ulong Known) told = Told(index);
            known = known.With(index, told.Value, told.Known);
        }

        // Without the TRUE forms the plain ones are all there is; whether there are TRUE forms is a bit of IA32_VMX_BASIC.
        bool onlyPlain = (known.Known.Basic & ~known.Values.Basic & VmxBits.BasicDefault1ControlsMayBe0) != 0;
        foreach ((uint form, uint plain) in onlyPlain ? Forms : [])
        {
            (ulong Value, ulong Known) told = Told(plain);
            known = known.With(form, told.Value, told.Known);
        }

        return known.Known == default ? null : known;

        (ulong Value, ulong Known) Told(uint index) => values.TryGet(index, out ulong value) ? (value, ulong.MaxValue) : partly(index) ?? default;
    }

    /// <summary>The MSRs that userspace restores (<see cref="RestoreOrder"/>), as a table.</summary>
    public static MsrTable ToRestorable(in VmxCapabilities capabilities)
    {
        List<MsrValue> rows = [];
        foreach (uint index in RestoreOrder)
        {
            _ = capabilities.TryGet(index, out ulong value);
            rows.Add(new MsrValue(index, value));
        }

        return MsrTable.From(rows);
    }

    /// <summary>
    /// The MSRs whose existence a control announces (SDM vol. 3D A.3.3, A.10, A.11). KVM answers them even where none does, and
    /// emulates neither IA32_VMX_PROCBASED_CTLS3 nor IA32_VMX_EXIT_CTLS2.
    /// </summary>
    private static bool TryReadDependent(MsrTable values, ref VmxCapabilities capabilities, out uint missing)
    {
        if (!TryTake(values, MsrIndex.Ia32VmxProcbasedCtls2, MsrIndex.Ia32VmxProcbasedCtls2, ref capabilities, out missing)
            && (capabilities.TruePrimary.MayBeOne & VmxBits.PrimaryActivateSecondaryControls) != 0)
        {
            return false;
        }

        uint secondary = capabilities.Secondary.MayBeOne;
        if (!TryTake(values, MsrIndex.Ia32VmxEptVpidCap, MsrIndex.Ia32VmxEptVpidCap, ref capabilities, out missing)
            && (secondary & (VmxBits.SecondaryEnableEpt | VmxBits.SecondaryEnableVpid)) != 0)
        {
            return false;
        }

        if (!TryTake(values, MsrIndex.Ia32VmxVmfunc, MsrIndex.Ia32VmxVmfunc, ref capabilities, out missing)
            && (secondary & VmxBits.SecondaryEnableVmFunctions) != 0)
        {
            return false;
        }

        _ = TryTake(values, MsrIndex.Ia32VmxProcbasedCtls3, MsrIndex.Ia32VmxProcbasedCtls3, ref capabilities, out _);
        _ = TryTake(values, MsrIndex.Ia32VmxExitCtls2, MsrIndex.Ia32VmxExitCtls2, ref capabilities, out _);
        missing = 0;
        return true;
    }

    private static bool TryTake(MsrTable values, uint from, uint into, ref VmxCapabilities capabilities, out uint missing)
    {
        missing = from;
        if (!values.TryGet(from, out ulong value))
        {
            return false;
        }

        capabilities = capabilities.With(into, value);
        missing = 0;
        return true;
    }
}
