namespace Portolan.X86.Vmx;

/// <summary>What a VMX capability MSR says about one of its bits or fields.</summary>
public enum VmxSetting
{
    /// <summary>A control that must be zero.</summary>
    MustBeZero,

    /// <summary>A control of which both settings are allowed.</summary>
    Either,

    /// <summary>A control that must be one.</summary>
    MustBeOne,

    /// <summary>A control of which neither setting is allowed: the MSR contradicts itself.</summary>
    Neither,

    /// <summary>A capability that is not there.</summary>
    Absent,

    /// <summary>A capability that is there.</summary>
    Present,

    /// <summary>A number.</summary>
    Number,
}
