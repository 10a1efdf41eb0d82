using System.Buffers.Binary;

namespace Portolan.Conformance;

/// <summary>A vCPU that a case asks, and the questions that many cases share.</summary>
internal sealed class CaseVcpu(CaseRun run, IKvmVm vm, IKvmVcpu vcpu)
{
    /// <summary>Bytes of the image of KVM_GET_XSAVE.</summary>
    public const int LegacyImage = 4096;

    private const int MxcsrAt = 24;
    private const int XstateBvAt = 512;

    /// <summary>MXCSR after reset (SDM vol. 1, 10.2.3).</summary>
    public const uint InitialMxcsr = 0x1f80;

    public IKvmVm Vm => vm;

    public IKvmVcpu Cpu => vcpu;

    /// <summary>An XSAVE image of a vCPU whose components are all in their initial state but for what XSTATE_BV says.</summary>
    public static byte[] Image(XFeatureMask xstateBv, int size = LegacyImage, uint mxcsr = InitialMxcsr)
    {
        byte[] image = new byte[size];
        BinaryPrimitives.WriteUInt16LittleEndian(image, 0x37f);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(MxcsrAt), mxcsr);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XstateBvAt), xstateBv.Bits);
        return image;
    }

    /// <summary>XSTATE_BV of an image.</summary>
    public static XFeatureMask XstateBv(ReadOnlySpan<byte> image) => new(BinaryPrimitives.ReadUInt64LittleEndian(image[XstateBvAt..]));

    /// <summary>KVM_GET_XSAVE; null, and counted, if it is refused.</summary>
    public byte[]? GetXsave()
    {
        byte[] image = new byte[LegacyImage];
        return run.Takes("KVM_GET_XSAVE", vcpu.GetXsave(image)) ? image : null;
    }

    /// <summary>KVM_GET_CPUID2; null, and counted, if it is refused.</summary>
    public CpuidTable? Cpuid() => run.Has("KVM_GET_CPUID2", vcpu.GetCpuid2(), out CpuidTable table) ? table : null;

    /// <summary>G: what the guest CPUID, as KVM keeps it, promises of what KVM supports.</summary>
    public XFeatureMask? Promised() => Cpuid() is { } table ? XsaveLeaf.Xcr0(table) & run.Supported : null;

    /// <summary>A KVM_RUN, by running one instruction in the guest that every CPU has; false, and the case undecided, if none can run.</summary>
    public bool RunOnce()
    {
        GuestAnswer<CpuidValues> answer = vcpu.Guest.Cpuid(0, 0);
        if (!answer.Ok)
        {
            run.Undecided($"no guest runs here: {answer}");
        }

        return answer.Ok;
    }

    /// <summary>KVM_SET_SREGS of the vCPU's own registers, edited.</summary>
    public KvmAnswer SetSregs(Func<KvmSystemRegisters, KvmSystemRegisters> edit)
    {
        KvmAnswer<KvmSregs> sregs = vcpu.GetSregs();
        return sregs.Ok ? vcpu.SetSregs(sregs.Value with { Registers = edit(sregs.Value.Registers) }) : sregs.WithoutValue();
    }

    /// <summary>KVM_SET_MSRS of one MSR: EINVAL stands for a list that stopped at it.</summary>
    public KvmAnswer SetMsr(uint index, ulong value)
    {
        KvmAnswer<int> count = vcpu.SetMsrs([new MsrValue(index, value)]);
        return !count.Ok ? count.WithoutValue() : count.Value == 1 ? KvmAnswer.Done : new KvmAnswer(Errno.EINVAL, vcpu.LastMsrRefusal);
    }

    /// <summary>KVM_GET_MSRS of one MSR: EINVAL stands for a list that stopped at it.</summary>
    public KvmAnswer<ulong> GetMsr(uint index)
    {
        Span<MsrValue> entry = [new MsrValue(index, 0)];
        KvmAnswer<int> count = vcpu.GetMsrs(entry);
        return !count.Ok ? count.WithoutValue() : count.Value == 1 ? entry[0].Value : new KvmAnswer(Errno.EINVAL, vcpu.LastMsrRefusal);
    }
}
