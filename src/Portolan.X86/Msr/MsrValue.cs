using System.Globalization;

namespace Portolan.X86.Msr;

/// <summary>An MSR's index and its 64-bit value (EDX:EAX of RDMSR).</summary>
public readonly record struct MsrValue(uint Index, ulong Value)
{
    /// <summary>The SDM's notation of the index, and the value.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"MSR {Index:X}H = 0x{Value:x16}");
}
