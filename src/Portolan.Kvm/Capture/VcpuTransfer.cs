using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <summary>
/// One vCPU's state on its way between two vCPUs, model or live, in buffers that are kept from hop to hop.
/// Not for two threads at once.
/// </summary>
public sealed partial class VcpuTransfer
{
    private readonly TransferPlan _plan;
    private readonly MsrValue[] _asked;
    private readonly MsrValue[] _msrs;
    private readonly MsrValue[] _featureMsrs;
    private readonly List<uint> _unreadable = [];
    private byte[] _xsave;
    private byte[] _nested;
    private readonly byte[] _lapic;
    private uint _parts;
    private int _msrCount;
    private int _featureMsrCount;
    private int _xsaveLength;
    private int _nestedLength;
    private CpuidTable _cpuid = CpuidTable.Empty;
    private KvmXcrs _xcrs = new(0, []);
    private KvmRegs _regs;
    private KvmSregs _sregs;
    private KvmSregs2 _sregs2;
    private KvmVcpuEvents _events;
    private KvmMpState _mpState;
    private KvmDebugRegs _debugRegs;
    private uint _tscKhz;

    /// <summary>Prepares the buffers that a plan needs.</summary>
    public VcpuTransfer(TransferPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _plan = plan;
        _asked = [.. InOrder(plan.SavedMsrs)];
        _msrs = [.. _asked];
        _featureMsrs = [.. plan.FeatureMsrs.Select(index => new MsrValue(index, 0))];
        _xsave = new byte[Math.Max(TransferPlan.LegacyXsaveSize, plan.Xsave2Size)];
        _nested = new byte[plan.NestedStateSize];
        _lapic = plan.HasLapic ? new byte[TransferPlan.LapicSize] : [];
    }

    /// <summary>MSRs that the last capture could not read, in order: no fault of the vCPU's, but not saved.</summary>
    public IReadOnlyList<uint> UnreadableMsrs => _unreadable;

    /// <summary>The MSRs as captured, IA32_FEATURE_CONTROL first and IA32_TSC_DEADLINE last.</summary>
    public ReadOnlySpan<MsrValue> Msrs => _msrs.AsSpan(0, _msrCount);

    /// <summary>The feature MSRs as captured.</summary>
    public ReadOnlySpan<MsrValue> FeatureMsrs => _featureMsrs.AsSpan(0, _featureMsrCount);

    /// <summary>The XSAVE image as captured: the uapi image in standard format.</summary>
    public ReadOnlySpan<byte> Xsave => _xsave.AsSpan(0, _xsaveLength);

    /// <summary>Was this part captured or loaded?</summary>
    public bool Has(VcpuPart part) => (_parts >> (int)part & 1) != 0;

    /// <summary>The state as a document holds it.</summary>
    public VcpuState ToState(uint id) => new()
    {
        Id = id,
        Cpuid = Has(VcpuPart.Cpuid) ? _cpuid : null,
        Xsave = [.. Xsave],
        Xcrs = Has(VcpuPart.Xcrs) ? _xcrs : null,
        Regs = Has(VcpuPart.Regs) ? _regs : null,
        Sregs = Has(VcpuPart.Sregs) && !_plan.HasSregs2 ? _sregs : null,
        Sregs2 = Has(VcpuPart.Sregs) && _plan.HasSregs2 ? _sregs2 : null,
        Msrs = [.. Msrs, .. FeatureMsrs],
        Nested = [.. _nested.AsSpan(0, _nestedLength)],
        Events = Has(VcpuPart.VcpuEvents) ? _events : null,
        MpState = Has(VcpuPart.MpState) ? _mpState : null,
        DebugRegs = Has(VcpuPart.DebugRegs) ? _debugRegs : null,
        Lapic = Has(VcpuPart.Lapic) ? [.. _lapic] : [],
        TscKhz = Has(VcpuPart.TscKhz) ? _tscKhz : null,
    };

    /// <summary>A transfer that holds a state, to be restored. Parts that the plan's host has no ioctl for are left out.</summary>
    /// <param name="state">The state.</param>
    /// <param name="plan">
    /// What the destination has. Its MSR lists are not asked, but for which MSRs are feature MSRs and so not restored.
    /// </param>
    public static VcpuTransfer Of(VcpuState state, TransferPlan plan)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(plan);
        HashSet<uint> feature = [.. plan.FeatureMsrs];
        ImmutableArray<MsrValue> saved = [.. state.Msrs.Where(row => !feature.Contains(row.Index) && !TransferPlan.IsVmxCapability(row.Index))];
        VcpuTransfer transfer = new(plan with
        {
            SavedMsrs = [.. saved.Select(row => row.Index)],
            HasLapic = plan.HasLapic && state.Lapic.Length == TransferPlan.LapicSize,
            HasSregs2 = plan.HasSregs2 && state.Sregs2 is not null,
        });
        transfer.Load(state, saved);
        return transfer;
    }

    private static IEnumerable<MsrValue> InOrder(ImmutableArray<uint> indices)
        => indices.Where(index => index == MsrIndex.Ia32FeatureControl)
            .Concat(indices.Where(index => index is not (MsrIndex.Ia32FeatureControl or MsrIndex.Ia32TscDeadline)))
            .Concat(indices.Where(index => index == MsrIndex.Ia32TscDeadline))
            .Select(index => new MsrValue(index, 0));

    private void Load(VcpuState state, ImmutableArray<MsrValue> saved)
    {
        Dictionary<uint, ulong> values = [];
        foreach (MsrValue row in saved)
        {
            values[row.Index] = row.Value;
        }

        for (int i = 0; i < _msrs.Length; i++)
        {
            _msrs[i] = new MsrValue(_msrs[i].Index, values[_msrs[i].Index]);
        }

        _msrCount = _msrs.Length;
        Hold(VcpuPart.Msrs, _msrCount > 0);
        _xsave = [.. state.Xsave];
        _xsaveLength = _xsave.Length;
        Hold(VcpuPart.Xsave, _xsaveLength > 0);
        _nested = [.. state.Nested];
        _nestedLength = _nested.Length;
        Hold(VcpuPart.NestedState, _nestedLength > 0 && !EmptyNestedState.Is(_nested));
        if (_lapic.Length > 0)
        {
            state.Lapic.CopyTo(_lapic);
            Hold(VcpuPart.Lapic, true);
        }

        _cpuid = state.Cpuid ?? CpuidTable.Empty;
        Hold(VcpuPart.Cpuid, state.Cpuid is not null);
        _xcrs = state.Xcrs ?? _xcrs;
        Hold(VcpuPart.Xcrs, state.Xcrs is not null);
        LoadRegisters(state);
    }

    private void LoadRegisters(VcpuState state)
    {
        _regs = state.Regs.GetValueOrDefault();
        Hold(VcpuPart.Regs, state.Regs is not null);
        _sregs2 = state.Sregs2.GetValueOrDefault();
        _sregs = state.Sregs ?? new KvmSregs(_sregs2.Registers, default);
        Hold(VcpuPart.Sregs, state.Sregs is not null || state.Sregs2 is not null);
        _events = state.Events.GetValueOrDefault();
        Hold(VcpuPart.VcpuEvents, state.Events is not null);
        _mpState = state.MpState.GetValueOrDefault();
        Hold(VcpuPart.MpState, state.MpState is not null);
        _debugRegs = state.DebugRegs.GetValueOrDefault();
        Hold(VcpuPart.DebugRegs, state.DebugRegs is not null);
        _tscKhz = state.TscKhz.GetValueOrDefault();
        Hold(VcpuPart.TscKhz, state.TscKhz is not null);
    }

    private void Hold(VcpuPart part, bool held)
        => _parts = held ? _parts | 1u << (int)part : _parts & ~(1u << (int)part);
}
