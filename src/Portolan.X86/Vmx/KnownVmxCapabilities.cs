using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>VMX capability MSRs, of which some bits may be unknown.</summary>
/// <param name="Values">The values; an unknown bit is 0.</param>
/// <param name="Known">A 1 for every bit that is known, in the place of each MSR.</param>
public readonly record struct KnownVmxCapabilities(VmxCapabilities Values, VmxCapabilities Known)
{
    private static readonly VmxCapabilities Every = Filled();

    /// <summary>Is every bit of every MSR known?</summary>
    public bool IsComplete => Known == Every;

    /// <summary>Is everything known that a VM entry's controls are checked against?</summary>
    public bool KnowsControls
        => (Known.TruePinBased.Value & Known.TruePrimary.Value & Known.Secondary.Value & Known.TrueExit.Value & Known.TrueEntry.Value & Known.VmFunctions) == ulong.MaxValue;

    /// <summary>May the VMX-preemption timer be used (contract M12)? Null where that is not known.</summary>
    public bool? AllowsPreemptionTimer
        => (Known.TruePinBased.MayBeOne & VmxBits.PinBasedActivateVmxPreemptionTimer) != 0 ? Values.AllowsPreemptionTimer : null;

    /// <summary>Capabilities of which every bit is known.</summary>
    /// <param name="values">The values.</param>
    public static KnownVmxCapabilities All(in VmxCapabilities values) => new(values, Every);

    /// <summary>The value of one of the MSRs, derived ones included; false for any other index, and where not every bit of it is known.</summary>
    /// <param name="index">The MSR.</param>
    /// <param name="value">Its value.</param>
    public bool TryGet(uint index, out ulong value)
    {
        bool known = Known.TryGet(index, out ulong bits) && bits == ulong.MaxValue;
        _ = Values.TryGet(index, out value);
        return known;
    }

    /// <summary>The same with one MSR replaced, which is known then.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The MSR is derived from its TRUE form, or is no VMX capability MSR.</exception>
    /// <param name="index">The MSR.</param>
    /// <param name="value">Its value.</param>
    public KnownVmxCapabilities With(uint index, ulong value) => With(index, value, ulong.MaxValue);

    /// <summary>The same with what is known of one MSR replaced.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The MSR is derived from its TRUE form, or is no VMX capability MSR.</exception>
    /// <param name="index">The MSR.</param>
    /// <param name="value">Its value; what is not known of it is dropped.</param>
    /// <param name="known">A 1 for every bit that is known.</param>
    public KnownVmxCapabilities With(uint index, ulong value, ulong known) => new(Values.With(index, value & known), Known.With(index, known));

    /// <summary>The same with KVM's FIXED1 MSRs, which follow from the guest's CPUID (contract M11).</summary>
    /// <param name="cr0">IA32_VMX_CR0_FIXED1.</param>
    /// <param name="cr4">IA32_VMX_CR4_FIXED1.</param>
    public KnownVmxCapabilities WithFixed1(ulong cr0, ulong cr4) => With(MsrIndex.Ia32VmxCr0Fixed1, cr0).With(MsrIndex.Ia32VmxCr4Fixed1, cr4);

    /// <summary>The capabilities after a change that treats each bit alike, whatever the others are: known where both values of the unknown bits come to the same.</summary>
    /// <param name="change">The change.</param>
    public KnownVmxCapabilities Map(Func<VmxCapabilities, VmxCapabilities> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        VmxCapabilities low = change(Values);
        VmxCapabilities high = change(Filled(this));
        KnownVmxCapabilities mapped = default;
        foreach (uint index in VmxCapabilitiesReader.Own)
        {
            _ = low.TryGet(index, out ulong zero);
            _ = high.TryGet(index, out ulong one);
            mapped = mapped.With(index, zero, ~(zero ^ one));
        }

        return mapped;
    }

    private static VmxCapabilities Filled(in KnownVmxCapabilities partly = default)
    {
        VmxCapabilities filled = default;
        foreach (uint index in VmxCapabilitiesReader.Own)
        {
            _ = partly.Values.TryGet(index, out ulong value);
            _ = partly.Known.TryGet(index, out ulong known);
            filled = filled.With(index, value | ~known);
        }

        return filled;
    }
}
