namespace Portolan.X86.Vmx;

/// <summary>A place where two values of a VMX capability MSR say something else.</summary>
/// <param name="Before">What the one says.</param>
/// <param name="After">What the other says.</param>
public readonly record struct VmxDifference(VmxReading Before, VmxReading After)
{
    /// <summary>Was a choice or a capability there before and is gone?</summary>
    public bool Lost => Before.Setting is VmxSetting.Either or VmxSetting.Present;

    /// <summary>Is a choice or a capability there that was not before?</summary>
    public bool Gained => After.Setting is VmxSetting.Either or VmxSetting.Present;

    /// <summary>Both readings.</summary>
    public override string ToString() => $"{Before} → {After}";
}
