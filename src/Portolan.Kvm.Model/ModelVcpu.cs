using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model;

/// <summary>A vCPU of the model. Each part of its state is in a class of its own; this one joins them and has KVM's shape.</summary>
internal sealed class ModelVcpu : IKvmVcpu
{
    private const int LapicSize = 1024;

    /// <summary>HV_X64_MSR_SCONTROL.</summary>
    private const uint HypervScontrol = 0x40000080;
    private readonly ModelSystem _system;
    private readonly XsavePolicy _xsavePolicy;
    private readonly XsaveState _xsave;
    private readonly VcpuCpuid _cpuid;
    private readonly VcpuMsrs _msrs;
    private readonly VcpuNested _nested;
    private readonly VcpuRegisters _registers;
    private ModelGuestCpu? _guest;
    private byte[]? _lapic;
    private uint? _tscKhz;
    private ulong _guestSsp;

    internal ModelVcpu(ModelSystem system, VmState vm, uint id)
    {
        _system = system;
        Vm = vm;
        _xsavePolicy = new XsavePolicy(system.Host);
        _xsave = new XsaveState(system.Host, _xsavePolicy);
        _registers = new VcpuRegisters(this, id);
        _cpuid = new VcpuCpuid(this, _xsavePolicy);
        _msrs = new VcpuMsrs(this, _xsave, _xsavePolicy);
        _nested = new VcpuNested(this);
    }

    /// <inheritdoc/>
    public IGuestCpu Guest => _guest ??= new ModelGuestCpu(this);

    /// <inheritdoc/>
    public RefusalRule? LastMsrRefusal => _msrs.LastRefusal;

    internal ModelSystem System => _system;

    internal ModelHost Host => _system.Host;

    internal VmState Vm { get; }

    internal VcpuRegisters Registers => _registers;

    internal VcpuMsrs Msrs => _msrs;

    /// <summary>The guest's PKRU.</summary>
    internal uint Pkru => _xsave.Pkru;

    /// <summary>The extended registers.</summary>
    internal XsaveState Xsave => _xsave;

    internal VcpuNested Nested => _nested;

    internal VcpuCpuid CpuidState => _cpuid;

    /// <summary>What KVM derived from the guest's CPUID.</summary>
    internal GuestCpuid Cpuid => _cpuid.Compiled;

    /// <summary>G.</summary>
    internal XFeatureMask Promised => _xsavePolicy.Promised;

    /// <summary>The synthetic interrupt controller starts enabled (arch/x86/kvm/hyperv.c kvm_hv_activate_synic).</summary>
    internal void ActivateSynic() => _ = _msrs.Write(HypervScontrol, 1, byHost: true);

    /// <summary>Was KVM_CAP_ENFORCE_PV_FEATURE_CPUID enabled?</summary>
    internal bool EnforcesPvCpuid { get; set; }

    /// <summary>Did KVM_RUN happen? Guest code cannot run otherwise (contract C5, M4).</summary>
    internal bool HasRun { get; private set; }

    /// <inheritdoc/>
    public KvmAnswer SetCpuid2(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return _cpuid.Set(table);
    }

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetCpuid2() => _cpuid.Current();

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => HypervCpuid.OfVcpu(Host, Vm.LapicInKernel, _nested.EvmcsVersion);

    /// <inheritdoc/>
    public KvmAnswer EnableCapability(uint capability, ulong argument0 = 0) => VcpuCapabilities.Enable(this, capability, argument0);

    /// <inheritdoc/>
    public KvmAnswer<ushort> EnableEnlightenedVmcs() => _nested.EnableEvmcs(null);

    /// <inheritdoc/>
    public KvmAnswer<ushort> EnableEnlightenedVmcs(int revision) => _nested.EnableEvmcs(revision);

    /// <inheritdoc/>
    public KvmAnswer<int> GetEvmcsVmxMsrs(Span<MsrValue> entries) => _nested.Evmcs.GetFilteredMsrs(entries);

    /// <inheritdoc/>
    public KvmAnswer GetXsave(Span<byte> image)
    {
        if (image.Length < UabiImage.Size)
        {
            return new KvmAnswer(Errno.EFAULT, ClauseTable.XsaveGetBuffer);
        }

        return _xsavePolicy.UabiSize > UabiImage.Size
            ? new KvmAnswer(Errno.EINVAL, ClauseTable.XsaveGetSize)
            : _xsave.Get(image);
    }

    /// <inheritdoc/>
    public KvmAnswer GetXsave2(Span<byte> image) => Host.Behaviours.XsaveXsave2 switch
    {
        XsaveXsave2.Absent => new KvmAnswer(Errno.EINVAL, ClauseTable.XsaveGetXsave2Absent),
        XsaveXsave2.Present => image.Length < _xsavePolicy.UabiSize ? new KvmAnswer(Errno.EFAULT, ClauseTable.XsaveGetBuffer) : _xsave.Get(image),
        _ => MissingFact.Answer("xsave.xsave2"),
    };

    /// <inheritdoc/>
    public KvmAnswer SetXsave(ReadOnlySpan<byte> image) => _xsave.Set(image);

    /// <inheritdoc/>
    public KvmAnswer<KvmXcrs> GetXcrs()
        => Host.HasXsave ? _registers.Xcrs : new KvmAnswer(Errno.EINVAL, ClauseTable.XcrsWithoutXsave);

    /// <inheritdoc/>
    public KvmAnswer SetXcrs(KvmXcrs xcrs)
    {
        ArgumentNullException.ThrowIfNull(xcrs);
        return _registers.SetXcrs(xcrs);
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmRegs> GetRegs() => _registers.General;

    /// <inheritdoc/>
    public KvmAnswer SetRegs(in KvmRegs regs)
    {
        _registers.General = regs with { Rflags = regs.Rflags | VcpuRegisters.RflagsFixed };
        _registers.DropPendingException();
        return KvmAnswer.Done;
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmSregs> GetSregs() => new KvmSregs(_registers.System, _registers.InjectedInterrupt);

    /// <inheritdoc/>
    public KvmAnswer SetSregs(in KvmSregs sregs) => _registers.SetSystem(sregs.Registers, sregs.InterruptBitmap);

    /// <inheritdoc/>
    public KvmAnswer<KvmSregs2> GetSregs2() => _registers.GetSregs2();

    /// <inheritdoc/>
    public KvmAnswer SetSregs2(in KvmSregs2 sregs) => _registers.SetSregs2(sregs);

    /// <inheritdoc/>
    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => _msrs.Get(entries);

    /// <inheritdoc/>
    public KvmAnswer<int> SetMsrs(ReadOnlySpan<MsrValue> entries) => _msrs.Set(entries);

    /// <inheritdoc/>
    public KvmAnswer<int> GetNestedState(Span<byte> buffer) => _nested.Get(buffer);

    /// <inheritdoc/>
    public KvmAnswer SetNestedState(ReadOnlySpan<byte> state) => _nested.Set(state);

    /// <inheritdoc/>
    public KvmAnswer<KvmVcpuEvents> GetVcpuEvents() => _registers.GetEvents();

    /// <inheritdoc/>
    public KvmAnswer SetVcpuEvents(in KvmVcpuEvents events) => _registers.SetEvents(events);

    /// <inheritdoc/>
    public KvmAnswer<KvmMpState> GetMpState() => _registers.GetMpState();

    /// <inheritdoc/>
    public KvmAnswer SetMpState(KvmMpState state) => _registers.SetMpState(state);

    /// <inheritdoc/>
    public KvmAnswer<KvmDebugRegs> GetDebugRegs() => _registers.Debug;

    /// <inheritdoc/>
    public KvmAnswer SetDebugRegs(in KvmDebugRegs regs) => _registers.SetDebug(regs);

    /// <inheritdoc/>
    public KvmAnswer GetLapic(Span<byte> page)
    {
        if (!Vm.LapicInKernel)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.LapicAbsent);
        }

        page[..LapicSize].Clear();
        _lapic?.CopyTo(page);
        return KvmAnswer.Done;
    }

    /// <inheritdoc/>
    public KvmAnswer SetLapic(ReadOnlySpan<byte> page)
    {
        if (!Vm.LapicInKernel)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.LapicAbsent);
        }

        page[..LapicSize].CopyTo(_lapic ??= new byte[LapicSize]);
        return KvmAnswer.Done;
    }

    /// <inheritdoc/>
    public KvmAnswer<uint> GetTscKhz()
        => (_tscKhz ?? Host.Snapshot.TscKhz?.Value) is { } khz ? khz : MissingFact.Answer("tscKhz");

    /// <inheritdoc/>
    public KvmAnswer SetTscKhz(uint khz)
    {
        KvmAnswer answer = TscFrequency.Set(Host, khz, out uint effective);
        _tscKhz = answer.Ok ? effective : _tscKhz;
        return answer;
    }

    /// <inheritdoc/>
    public KvmAnswer<ulong> GetOneReg(ulong id)
    {
        KvmAnswer known = OneReg.Check(this, id);
        return known.Ok ? _guestSsp : known;
    }

    /// <inheritdoc/>
    public KvmAnswer SetOneReg(ulong id, ulong value)
    {
        KvmAnswer known = OneReg.Check(this, id);
        _guestSsp = known.Ok ? value : _guestSsp;
        return known;
    }

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<ulong>> GetRegList() => OneReg.List(this);

    /// <summary>KVM_RUN: there is no memory with code in the model, so the guest halts at once. What matters is that it ran.</summary>
    public KvmAnswer<KvmExit> Run()
    {
        MarkRun();
        return new KvmExit(KvmExitReason.Halt);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held: a model is memory.
    }

    /// <summary>Code in the guest ran.</summary>
    internal void MarkRun() => HasRun = true;
}
