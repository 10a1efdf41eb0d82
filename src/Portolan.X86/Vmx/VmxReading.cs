using System.Globalization;
using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>One bit or field of a VMX capability MSR, read from a value of it.</summary>
/// <param name="Msr">The MSR.</param>
/// <param name="Low">The lowest bit; for a control, of the 32-bit control.</param>
/// <param name="High">The highest bit.</param>
/// <param name="Row">The table's row; null for bits the table has none for.</param>
/// <param name="Setting">What the value says.</param>
/// <param name="Value">The field's value, shifted down to bit 0; 0 or 1 for a capability bit, 0 for a control.</param>
public readonly record struct VmxReading(uint Msr, int Low, int High, VmxControl? Row, VmxSetting Setting, ulong Value)
{
    /// <summary>The SDM's notation of the place, its name, and what it says: <c>MSR 48BH IA32_VMX_PROCBASED_CTLS2[1] enable EPT: either</c>.</summary>
    public override string ToString()
    {
        string bits = Low == High ? Low.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{High}:{Low}");
        string says = Setting switch
        {
            VmxSetting.MustBeZero => "must be 0",
            VmxSetting.Either => "either",
            VmxSetting.MustBeOne => "must be 1",
            VmxSetting.Neither => "neither 0 nor 1",
            VmxSetting.Absent => "absent",
            VmxSetting.Present => "present",
            _ => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}"),
        };
        string name = Row is null || Row.Reserved ? "" : " " + Row.Name;
        return $"{KnownMsrs.Describe(Msr)}[{bits}]{name}: {says}";
    }
}
