using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Routes;

/// <summary>The VMX capability MSRs as a guest read them on one host.</summary>
internal sealed class VmxSeen
{
    internal const uint First = MsrIndex.Ia32VmxBasic;
    internal const uint Last = MsrIndex.Ia32VmxVmfunc;
    private readonly ulong[] _values = new ulong[Last - First + 1];
    private uint _readable;

    /// <summary>Could every read be told? Otherwise an entry into L2 cannot be.</summary>
    internal bool IsComplete { get; set; } = true;

    /// <summary>The value of an MSR; false where the guest's RDMSR faulted or could not be told, and for other MSRs.</summary>
    internal bool TryGet(uint index, out ulong value)
    {
        bool seen = index is >= First and <= Last && (_readable >> (int)(index - First) & 1) != 0;
        value = seen ? _values[index - First] : 0;
        return seen;
    }

    internal void Add(uint index, ulong value)
    {
        _values[index - First] = value;
        _readable |= 1u << (int)(index - First);
    }

    /// <summary>The controls that must be set, as the TRUE MSRs tell, and others beside them.</summary>
    internal VmxControlSettings MustBeOne() => new(
        Of(MsrIndex.Ia32VmxTruePinbasedCtls),
        Of(MsrIndex.Ia32VmxTrueProcbasedCtls),
        Of(MsrIndex.Ia32VmxProcbasedCtls2),
        Of(MsrIndex.Ia32VmxTrueExitCtls),
        Of(MsrIndex.Ia32VmxTrueEntryCtls),
        0);

    private uint Of(uint index) => TryGet(index, out ulong value) ? new VmxControlMsr(value).MustBeOne : 0;
}
