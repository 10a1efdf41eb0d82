using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>Values of VMX capability MSRs, decoded bit by bit.</summary>
public static class VmxReadings
{
    /// <summary>The controls or capabilities an MSR reports; null for the fixed-bit MSRs, IA32_VMX_VMCS_ENUM, and any other index.</summary>
    public static VmxControlGroup? GroupOf(uint index) => index switch
    {
        MsrIndex.Ia32VmxBasic => VmxControlGroup.Basic,
        MsrIndex.Ia32VmxPinbasedCtls or MsrIndex.Ia32VmxTruePinbasedCtls => VmxControlGroup.PinBased,
        MsrIndex.Ia32VmxProcbasedCtls or MsrIndex.Ia32VmxTrueProcbasedCtls => VmxControlGroup.Primary,
        MsrIndex.Ia32VmxExitCtls or MsrIndex.Ia32VmxTrueExitCtls => VmxControlGroup.Exit,
        MsrIndex.Ia32VmxEntryCtls or MsrIndex.Ia32VmxTrueEntryCtls => VmxControlGroup.Entry,
        MsrIndex.Ia32VmxProcbasedCtls2 => VmxControlGroup.Secondary,
        MsrIndex.Ia32VmxProcbasedCtls3 => VmxControlGroup.Tertiary,
        MsrIndex.Ia32VmxExitCtls2 => VmxControlGroup.SecondaryExit,
        MsrIndex.Ia32VmxMisc => VmxControlGroup.Misc,
        MsrIndex.Ia32VmxEptVpidCap => VmxControlGroup.EptVpidCap,
        MsrIndex.Ia32VmxVmfunc => VmxControlGroup.VmFunctions,
        _ => null,
    };

    /// <summary>
    /// Decodes a value into its rows, ascending by bit; reserved rows and bits without a row appear only where they are not zero.
    /// For an index that has no group, one reading of the whole number.
    /// </summary>
    public static IEnumerable<VmxReading> Of(uint index, ulong value)
    {
        if (GroupOf(index) is not { } group)
        {
            return [new VmxReading(index, 0, 63, null, VmxSetting.Number, value)];
        }

        return Places(group).Select(place => Read(index, group, place.Low, place.High, place.Row, value))
            .Where(reading => reading.Row is { Reserved: false } || reading.Setting is not (VmxSetting.MustBeZero or VmxSetting.Absent)
                && (reading.Setting != VmxSetting.Number || reading.Value != 0));
    }

    /// <summary>The rows of a group, and its bits without a row one by one, ascending.</summary>
    internal static IEnumerable<(int Low, int High, VmxControl? Row)> Places(VmxControlGroup group)
    {
        int width = HasAllowedZero(group) ? 32 : 64;
        for (int bit = 0; bit < width; bit++)
        {
            VmxControl? row = VmxControls.Find(group, bit);
            yield return (bit, row?.High ?? bit, row);
            bit = row?.High ?? bit;
        }
    }

    /// <summary>Reads one place of a value.</summary>
    internal static VmxReading Read(uint index, VmxControlGroup group, int low, int high, VmxControl? row, ulong value)
    {
        if (HasAllowedZero(group))
        {
            VmxControlMsr msr = new(value);
            bool must = (msr.MustBeOne >> low & 1) != 0;
            bool may = (msr.MayBeOne >> low & 1) != 0;
            VmxSetting setting = must ? may ? VmxSetting.MustBeOne : VmxSetting.Neither : may ? VmxSetting.Either : VmxSetting.MustBeZero;
            return new VmxReading(index, low, high, row, setting, 0);
        }

        ulong field = value << (63 - high) >> (63 - high + low);
        VmxSetting said = group is VmxControlGroup.Tertiary or VmxControlGroup.SecondaryExit
            ? field != 0 ? VmxSetting.Either : VmxSetting.MustBeZero
            : low != high ? VmxSetting.Number
            : field != 0 ? VmxSetting.Present : VmxSetting.Absent;
        return new VmxReading(index, low, high, row, said, field);
    }

    /// <summary>Has the group's MSR two halves: what must be 1 below, what may be 1 above (SDM vol. 3D, A.3 to A.5)?</summary>
    public static bool HasAllowedZero(VmxControlGroup group)
        => group is VmxControlGroup.PinBased or VmxControlGroup.Primary or VmxControlGroup.Secondary or VmxControlGroup.Exit or VmxControlGroup.Entry;
}
