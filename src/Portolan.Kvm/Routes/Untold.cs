using Portolan.Kvm.Capture;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Routes;

/// <summary>
/// What can no longer be told of a guest on a route, because an answer missed a fact. Such a part is not carried on: whatever a later
/// host said of it would be said of something else than the guest's.
/// </summary>
internal sealed class Untold
{
    private uint _parts;

    /// <summary>Can nothing be told of what the guest sees on this host?</summary>
    internal bool View { get; private set; }

    /// <summary>Can nothing be told of this part?</summary>
    internal bool this[VcpuPart part] => (_parts >> (int)part & 1) != 0;

    /// <summary>Can nothing be told at all?</summary>
    internal bool Everything => _parts == uint.MaxValue;

    /// <summary>Is every part known?</summary>
    internal bool Nothing => _parts == 0;

    /// <summary>The guest comes to another host: what it sees there does not depend on what was missing here.</summary>
    internal void Enter() => View = false;

    /// <summary>Nothing can be told of the guest any more.</summary>
    internal void Forget()
    {
        _parts = uint.MaxValue;
        View = true;
    }

    /// <summary>A part cannot be told any more, nor what is judged by it.</summary>
    internal void Forget(VcpuPart part)
    {
        _parts |= 1u << (int)part;
        if (part == VcpuPart.Sregs)
        {
            _parts |= 1u << (int)VcpuPart.NestedState;
        }
    }

    /// <summary>A step of the setup missed a fact.</summary>
    internal void After(SetupPart part)
    {
        switch (part)
        {
            case SetupPart.CreateVm or SetupPart.CreateVcpu or SetupPart.Cpuid:
                Forget();
                break;
            case SetupPart.ExceptionPayload or SetupPart.TripleFaultEvent:
                Forget(VcpuPart.VcpuEvents);
                break;
            case SetupPart.EnlightenedVmcs or SetupPart.DisabledQuirks or SetupPart.FeatureMsrs:
                Forget(VcpuPart.NestedState);
                View = true;
                break;
            default:
                break;
        }
    }

    /// <summary>A step of a load or a save missed a fact. An MSR is passed over by itself; IA32_XFD decides about the XSAVE image too.</summary>
    internal void After(in TransferStep step)
    {
        if (step.RefusedMsr is not { } msr)
        {
            Forget(step.Part);
        }
        else if (msr.Index == MsrIndex.Ia32Xfd)
        {
            Forget(VcpuPart.Xsave);
        }
    }
}
