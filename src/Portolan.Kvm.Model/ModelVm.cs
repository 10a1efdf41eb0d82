using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Model;

/// <summary>A VM of the model.</summary>
internal sealed class ModelVm : IKvmVm
{
    /// <summary>KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, which needs a split irqchip (uapi linux/kvm.h).</summary>
    private const ulong X2ApicSuppressEoi = 4;

    /// <summary>KVM_CLOCK_TSC_STABLE.</summary>
    private const uint ClockTscStable = 2;

    /// <summary>KVM_CLOCK_REALTIME.</summary>
    private const uint ClockRealtime = 4;

    /// <summary>KVM_CLOCK_HOST_TSC.</summary>
    private const uint ClockHostTsc = 8;

    private readonly ModelSystem _system;
    private readonly VmState _state = new();
    private GuestMemory? _memory;
    private KvmClock _clock;
    private List<uint>? _vcpus;

    internal ModelVm(ModelSystem system) => _system = system;

    private GuestMemory Memory => _memory ??= new GuestMemory();

    /// <inheritdoc/>
    public KvmAnswer<int> CheckExtension(uint capability) => _system.CheckExtension(capability);

    /// <inheritdoc/>
    public KvmAnswer EnableCapability(uint capability, ulong argument0, ulong argument1, ulong argument2, ulong argument3)
    {
        switch (capability)
        {
            case KvmCapability.DisableQuirks:
                _state.DisabledQuirks = argument0;
                return KvmAnswer.Done;
            case KvmCapability.DisableQuirks2:
                return DisableQuirks(argument0);
            case KvmCapability.X2apicApi:
                return Switch(capability, argument0, (ulong)(_system.Host.Capability(capability) ?? 0) & ~X2ApicSuppressEoi, () => _state.X2ApicApi = argument0);
            case KvmCapability.ExceptionPayload:
                return Switch(capability, 0, 0, () => _state.ExceptionPayload = argument0 != 0);
            case KvmCapability.X86TripleFaultEvent:
                return Switch(capability, 0, 0, () => _state.TripleFaultEvent = argument0 != 0);
            default:
                return _system.Host.Capability(capability) is null
                    ? MissingFact.Answer($"capabilities {KvmCapability.NameOf(capability) ?? $"{capability}"}")
                    : new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityUnknown);
        }
    }

    /// <inheritdoc/>
    public KvmAnswer<IKvmVcpu> CreateVcpu(uint id)
    {
        if (_vcpus?.Contains(id) is true)
        {
            return new KvmAnswer(Errno.EEXIST, ClauseTable.VmVcpuExists);
        }

        (_vcpus ??= new List<uint>(1)).Add(id);
        _system.LockPermission();
        return new ModelVcpu(_system, _state, id);
    }

    /// <inheritdoc/>
    public KvmAnswer CreateIrqChip()
    {
        if (_state.LapicInKernel || _vcpus is not null)
        {
            return new KvmAnswer(_state.LapicInKernel ? Errno.EEXIST : Errno.EINVAL, ClauseTable.VmIrqchip);
        }

        _state.LapicInKernel = true;
        return KvmAnswer.Done;
    }

    /// <inheritdoc/>
    public KvmAnswer SetUserMemoryRegion(uint slot, ulong guestPhysicalAddress, ulong size, bool logDirtyPages)
        => Memory.Set(slot, guestPhysicalAddress, size, logDirtyPages);

    /// <inheritdoc/>
    public KvmAnswer WriteGuestMemory(ulong guestPhysicalAddress, ReadOnlySpan<byte> bytes) => Memory.Write(guestPhysicalAddress, bytes);

    /// <inheritdoc/>
    public KvmAnswer ReadGuestMemory(ulong guestPhysicalAddress, Span<byte> bytes) => Memory.Read(guestPhysicalAddress, bytes);

    /// <inheritdoc/>
    public KvmAnswer<byte[]> GetDirtyLog(uint slot) => Memory.DirtyLog(slot);

    /// <inheritdoc/>
    public KvmAnswer<KvmClock> GetClock() => _clock with { Flags = ClockTscStable };

    /// <inheritdoc/>
    public KvmAnswer SetClock(in KvmClock clock)
    {
        KvmAnswer flags = clock.Flags == 0 ? KvmAnswer.Done : CheckClockFlags(clock.Flags);
        _clock = flags.Ok ? clock : _clock;
        return flags;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held: a model is memory.
    }

    /// <summary>A kernel that tells CLOCK_REALTIME takes back every flag that KVM_GET_CLOCK may answer; an older one takes none.</summary>
    private KvmAnswer CheckClockFlags(uint flags)
    {
        if (_system.Host.Capability(KvmCapability.AdjustClock) is not { } has)
        {
            return MissingFact.Answer("capabilities KVM_CAP_ADJUST_CLOCK");
        }

        uint known = (has & ClockRealtime) != 0 ? ClockTscStable | ClockRealtime | ClockHostTsc : 0;
        return (flags & ~known) == 0 ? KvmAnswer.Done : new KvmAnswer(Errno.EINVAL, ClauseTable.VmClock);
    }

    private KvmAnswer DisableQuirks(ulong quirks)
    {
        if (_system.Host.Capability(KvmCapability.DisableQuirks2) is not { } known)
        {
            return MissingFact.Answer("capabilities KVM_CAP_DISABLE_QUIRKS2");
        }

        if (known == 0 || (quirks & ~(ulong)known) != 0)
        {
            return new KvmAnswer(Errno.EINVAL, known == 0 ? ClauseTable.CapabilityUnknown : ClauseTable.CapabilityQuirks);
        }

        _state.DisabledQuirks |= quirks;
        return KvmAnswer.Done;
    }

    private KvmAnswer Switch(uint capability, ulong argument, ulong known, Action apply)
    {
        switch (_system.Host.Capability(capability))
        {
            case null:
                return MissingFact.Answer($"capabilities {KvmCapability.NameOf(capability)}");
            case 0:
                return new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityUnknown);
            default:
                if ((argument & ~known) != 0)
                {
                    return new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityArgument);
                }

                apply();
                return KvmAnswer.Done;
        }
    }
}
