using System.Buffers.Binary;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Nested;
using static Portolan.Kvm.Model.Nested.NestedHeader;

namespace Portolan.Kvm.Model;

/// <summary>A vCPU's nested state: KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE (contract section 5).</summary>
internal sealed class VcpuNested
{
    private readonly ModelVcpu _vcpu;
    private byte[]? _state;

    public VcpuNested(ModelVcpu vcpu)
    {
        _vcpu = vcpu;
        Evmcs = new VcpuEvmcs(vcpu);
    }

    public VcpuEvmcs Evmcs { get; }

    /// <summary>The eVMCS version word that the vCPU's Hyper-V CPUID shows: 0 until eVMCS was enabled.</summary>
    public ushort EvmcsVersion => Evmcs.Enabled ? VcpuEvmcs.Version : (ushort)0;

    /// <summary>Did the guest execute VMXON, as far as the restored state says?</summary>
    public bool IsVmxon => _state is not null && !_vcpu.Host.IsAmd && BinaryPrimitives.ReadUInt64LittleEndian(_state.AsSpan(VmxonAt)) != NoAddress;

    /// <summary>KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS).</summary>
    public KvmAnswer<ushort> EnableEvmcs(int? revision) => Evmcs.Enable(revision);

    /// <summary>KVM_GET_NESTED_STATE (contract N3).</summary>
    public KvmAnswer<int> Get(Span<byte> buffer)
    {
        KvmAnswer backend = Backend();
        if (!backend.Ok)
        {
            return backend;
        }

        int size = _state?.Length ?? Size;
        if (buffer.Length < size)
        {
            if (buffer.Length >= Size)
            {
                BinaryPrimitives.WriteInt32LittleEndian(buffer[SizeAt..], size);
            }

            return new KvmAnswer(Errno.E2BIG, ClauseTable.NestedGetSize);
        }

        if (_state is null)
        {
            WriteEmpty(buffer[..Size]);
        }
        else
        {
            _state.CopyTo(buffer);
        }

        return size;
    }

    /// <summary>KVM_SET_NESTED_STATE (contract N4 to N9).</summary>
    public KvmAnswer Set(ReadOnlySpan<byte> state)
    {
        KvmAnswer backend = Backend();
        if (!backend.Ok)
        {
            return backend;
        }

        if (state.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(state[SizeAt..]) is var size && (size < Size || size > (uint)state.Length))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.NestedSetSize);
        }

        ReadOnlySpan<byte> given = state[..(int)BinaryPrimitives.ReadUInt32LittleEndian(state[SizeAt..])];
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(given);
        if ((flags & ~Known) != 0 || ((flags & RunPending) != 0 && (flags & GuestMode) == 0))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.NestedSetFlags);
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(given[FormatAt..]) != (_vcpu.Host.IsAmd ? FormatSvm : FormatVmx))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.NestedSetFormat);
        }

        return _vcpu.Host.IsAmd ? SetSvm(given) : SetVmx(given);
    }

    private static KvmAnswer Refuse(RefusalRule rule)
        => new(MissingFact.NameOf(rule) is null ? Errno.EINVAL : Errno.Unknown, rule);

    private KvmAnswer SetVmx(ReadOnlySpan<byte> state)
    {
        if (VmxNestedRules.Violated(state, _vcpu, out bool isBare) is { } rule)
        {
            return Refuse(rule);
        }

        _state = isBare ? null : Kept(state, HasCurrentVmcs(state));
        return KvmAnswer.Done;
    }

    private KvmAnswer SetSvm(ReadOnlySpan<byte> state)
    {
        if (SvmNestedRules.Violated(state, _vcpu) is { } rule)
        {
            return Refuse(rule);
        }

        bool entered = (BinaryPrimitives.ReadUInt16LittleEndian(state) & GuestMode) != 0;
        _state = Kept(state, entered);
        if (!entered)
        {
            // Only a vCPU in guest mode has a VMCB's address to tell (arch/x86/kvm/svm/nested.c svm_get_nested_state).
            _state.AsSpan(VmcbAt).Clear();
        }

        return KvmAnswer.Done;
    }

    /// <summary>With VMXON alone, and for SVM outside guest mode, a GET answers the header only (contract N3).</summary>
    private static byte[] Kept(ReadOnlySpan<byte> state, bool withData)
    {
        byte[] kept = (withData ? state : state[..Size]).ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(kept.AsSpan(SizeAt), kept.Length);
        return kept;
    }

    private static bool HasCurrentVmcs(ReadOnlySpan<byte> state)
        => state.Length >= Size + DataSize
            && (BinaryPrimitives.ReadUInt64LittleEndian(state[Vmcs12At..]) != NoAddress || (BinaryPrimitives.ReadUInt16LittleEndian(state) & NestedHeader.Evmcs) != 0);

    private KvmAnswer Backend() => _vcpu.Host.Capability(KvmCapability.NestedState) switch
    {
        null => MissingFact.Answer("capabilities KVM_CAP_NESTED_STATE"),
        0 => new KvmAnswer(Errno.EINVAL, ClauseTable.NestedAbsent),
        _ => KvmAnswer.Done,
    };

    private void WriteEmpty(Span<byte> header)
    {
        header.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(header[SizeAt..], Size);
        if (_vcpu.Host.IsAmd)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(header, GifSet);
            BinaryPrimitives.WriteUInt16LittleEndian(header[FormatAt..], FormatSvm);
            return;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(header[VmxonAt..], NoAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(header[Vmcs12At..], NoAddress);
    }
}
