using System.Buffers.Binary;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE whatever the vendor (contract N1 to N4, N9).</summary>
internal static class NestedCases
{
    private static readonly CaseNeed State = CaseNeed.Capability("KVM_CAP_NESTED_STATE");

    public static IEnumerable<ConformanceCase> All() =>
    [
        ConformanceCase.Of("nested.absent", "get", "KVM_GET_NESTED_STATE is refused where KVM_CAP_NESTED_STATE is 0", [CaseNeed.NoCapability("KVM_CAP_NESTED_STATE")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_GET_NESTED_STATE", vcpu.Cpu.GetNestedState(new byte[NestedImage.WithData]).WithoutValue());
            }
        }),
        ConformanceCase.Of("nested.absent", "set", "KVM_SET_NESTED_STATE is refused where KVM_CAP_NESTED_STATE is 0", [CaseNeed.NoCapability("KVM_CAP_NESTED_STATE")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_SET_NESTED_STATE of a VMX state", vcpu.Cpu.SetNestedState(NestedImage.Vmx(0, NestedImage.Header)));
                run.Refuses("KVM_SET_NESTED_STATE of an SVM state", vcpu.Cpu.SetNestedState(NestedImage.Svm(NestedImage.GifSet, NestedImage.Header)));
            }
        }),
        ConformanceCase.Of("nested.get.size", "empty", "KVM_GET_NESTED_STATE of a fresh vCPU answers the header, and says so", [State], static run =>
        {
            byte[] state = new byte[NestedImage.WithData];
            if (run.Vcpu(run.Everything) is { } vcpu && run.Has("KVM_GET_NESTED_STATE", vcpu.Cpu.GetNestedState(state), out int size))
            {
                run.Equal("size answered", NestedImage.Header, size);
                run.Equal("size in the header", NestedImage.Header, BinaryPrimitives.ReadInt32LittleEndian(state.AsSpan(4)));
                run.Equal("format in the header", run.IsIntel is true ? 0 : 1, BinaryPrimitives.ReadUInt16LittleEndian(state.AsSpan(2)));
            }
        }).Also("N3"),
        ConformanceCase.Of("nested.get.size", "short", "KVM_GET_NESTED_STATE into a buffer shorter than the state answers E2BIG", [State], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Expect("KVM_GET_NESTED_STATE into 127 bytes", Errno.E2BIG, vcpu.Cpu.GetNestedState(new byte[NestedImage.Header - 1]).WithoutValue());
            }
        }),
        ConformanceCase.Of("nested.set.size", "claims-more", "A state that claims more bytes than there are is refused", [State], static run => Refused(run, static state => NestedImage.Claiming(state, NestedImage.WithData + 1))),
        ConformanceCase.Of("nested.set.size", "claims-less", "A state of less than 128 bytes is refused", [State], static run => Refused(run, static state => NestedImage.Claiming(state, NestedImage.Header - 1))),
        ConformanceCase.Of("nested.set.size", "zero", "A state of 0 bytes is refused", [State], static run => Refused(run, static state => NestedImage.Claiming(state, 0))),
        .. Flags(),
        ConformanceCase.Of("nested.set.flags", "run-pending-alone", "RUN_PENDING needs GUEST_MODE", [State], static run => Refused(run, static state => WithFlags(state, NestedImage.RunPending))),
        ConformanceCase.Of("nested.set.format", "other-vendor", "The format is the vendor's own", [State], static run => Refused(run, static state => WithFormat(state, state[2] == 0 ? (ushort)1 : (ushort)0))).Also("N9"),
        ConformanceCase.Of("nested.set.format", "unknown", "The format is 0 or 1", [State], static run => Refused(run, static state => WithFormat(state, 2))),
        ConformanceCase.Of("nested.set.format", "round-trip", "What KVM_GET_NESTED_STATE answers of a fresh vCPU, KVM_SET_NESTED_STATE takes", [State], static run =>
        {
            byte[] state = new byte[NestedImage.WithData];
            if (run.Vcpu(run.Everything) is { } vcpu && run.Has("KVM_GET_NESTED_STATE", vcpu.Cpu.GetNestedState(state), out int size))
            {
                run.Takes("KVM_SET_NESTED_STATE of the same", vcpu.Cpu.SetNestedState(state.AsSpan(0, size)));
            }
        }),
    ];

    private static IEnumerable<ConformanceCase> Flags()
    {
        foreach (int bit in (int[])[4, 5, 6, 7, 9, 15])
        {
            yield return ConformanceCase.Of("nested.set.flags", $"bit-{bit}", "The flags are known", [State], run => Refused(run, state => WithFlags(state, (ushort)(1 << bit))));
        }
    }

    private static byte[] WithFlags(byte[] state, ushort flags)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(state, flags);
        return state;
    }

    private static byte[] WithFormat(byte[] state, ushort format)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(2), format);
        return state;
    }

    /// <summary>A state of the vendor's own with one thing wrong is refused.</summary>
    private static void Refused(CaseRun run, Func<byte[], byte[]> spoil)
    {
        if (run.IsIntel is not { } intel)
        {
            run.Undecided("it is not known which vendor module KVM here has");
        }
        else if (run.Vcpu(run.Everything) is { } vcpu)
        {
            byte[] state = spoil(intel ? NestedImage.Vmx(0, NestedImage.Header) : NestedImage.Svm(NestedImage.GifSet, NestedImage.Header));
            KvmAnswer answer = vcpu.Cpu.SetNestedState(state);
            bool short_ = BinaryPrimitives.ReadUInt32LittleEndian(state.AsSpan(4)) > state.Length;
            if (short_ && answer.Errno == Errno.EFAULT && answer.Rule is null)
            {
                run.Undecided("the binding does not let the kernel read past the buffer");
                return;
            }

            run.Refuses("KVM_SET_NESTED_STATE", answer);
        }
    }
}
