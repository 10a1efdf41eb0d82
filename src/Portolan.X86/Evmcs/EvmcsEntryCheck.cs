using Portolan.X86.Vmx;

namespace Portolan.X86.Evmcs;

/// <summary>
/// The check that a nested VM entry with eVMCS adds to the architectural ones (<c>nested_evmcs_check_controls</c>; contract E6, E9).
/// On E-a it is the ordinary check against the vCPU's rewritten MSRs.
/// </summary>
public static class EvmcsEntryCheck
{
    /// <summary>The controls for which L2's entry fails, by name; none if it passes.</summary>
    public static IReadOnlyList<VmxControlBit> Offending(EvmcsSpan span, in VmxControlSettings settings)
        => Offending(EvmcsFilterSets.Of(span), settings);

    /// <summary>The controls for which L2's entry fails under a filter, by name; none if it passes.</summary>
    public static IReadOnlyList<VmxControlBit> Offending(EvmcsFilterSet filter, in VmxControlSettings settings)
    {
        ArgumentNullException.ThrowIfNull(filter);
        VmxControlSettings offending = filter.Offending(settings);
        return offending == default
            ? []
            :
            [
                .. VmxControls.BitsOf(VmxControlGroup.PinBased, offending.PinBased),
                .. VmxControls.BitsOf(VmxControlGroup.Primary, offending.Primary),
                .. VmxControls.BitsOf(VmxControlGroup.Secondary, offending.Secondary),
                .. VmxControls.BitsOf(VmxControlGroup.Exit, offending.Exit),
                .. VmxControls.BitsOf(VmxControlGroup.Entry, offending.Entry),
                .. VmxControls.BitsOf(VmxControlGroup.VmFunctions, offending.VmFunctions),
            ];
    }

    /// <summary>Does L2's entry pass? Allocates nothing.</summary>
    public static bool Passes(EvmcsSpan span, in VmxControlSettings settings) => EvmcsFilterSets.Of(span).Offending(settings) == default;
}
