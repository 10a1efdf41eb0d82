using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <content>Saving.</content>
public sealed partial class VcpuTransfer
{
    /// <summary>Saves a vCPU's whole state.</summary>
    /// <returns>The first refusal, or success. The parts after a refused one are saved all the same.</returns>
    public KvmAnswer Capture(IKvmVcpu vcpu)
    {
        NoObserver none = default;
        return Capture(vcpu, ref none);
    }

    /// <summary>
    /// Saves a vCPU's whole state in QEMU's order (kvm_arch_get_registers): events and MP state first, because asking for them can still
    /// change the registers.
    /// </summary>
    /// <param name="vcpu">The vCPU, stopped.</param>
    /// <param name="observer">Is told of each step.</param>
    /// <returns>The first refusal, or success. The parts after a refused one are saved all the same.</returns>
    public KvmAnswer Capture<TObserver>(IKvmVcpu vcpu, ref TObserver observer)
        where TObserver : ITransferObserver
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        KvmAnswer first = KvmAnswer.Done;
        _parts = 0;
        Note(VcpuPart.VcpuEvents, Take(vcpu.GetVcpuEvents(), ref _events), ref first, ref observer);
        Note(VcpuPart.MpState, Take(vcpu.GetMpState(), ref _mpState), ref first, ref observer);
        Note(VcpuPart.Regs, Take(vcpu.GetRegs(), ref _regs), ref first, ref observer);
        Note(VcpuPart.Xsave, CaptureXsave(vcpu), ref first, ref observer);
        if (_plan.HasXcrs)
        {
            Note(VcpuPart.Xcrs, Take(vcpu.GetXcrs(), ref _xcrs), ref first, ref observer);
        }

        KvmAnswer sregs = _plan.HasSregs2 ? Take(vcpu.GetSregs2(), ref _sregs2) : Take(vcpu.GetSregs(), ref _sregs);
        Note(VcpuPart.Sregs, sregs, ref first, ref observer);
        Note(VcpuPart.Msrs, CaptureMsrs(vcpu), ref first, ref observer);
        if (_plan.HasLapic)
        {
            Note(VcpuPart.Lapic, vcpu.GetLapic(_lapic), ref first, ref observer);
        }

        Note(VcpuPart.DebugRegs, Take(vcpu.GetDebugRegs(), ref _debugRegs), ref first, ref observer);
        _nestedLength = 0;
        if (_nested.Length > 0)
        {
            Note(VcpuPart.NestedState, Take(vcpu.GetNestedState(_nested), ref _nestedLength), ref first, ref observer);
        }

        Note(VcpuPart.TscKhz, Take(vcpu.GetTscKhz(), ref _tscKhz), ref first, ref observer);
        Note(VcpuPart.Cpuid, Take(vcpu.GetCpuid2(), ref _cpuid), ref first, ref observer);
        return first;
    }

    private static KvmAnswer Take<T>(in KvmAnswer<T> answer, ref T place)
    {
        if (answer.Ok)
        {
            place = answer.Value;
        }

        return answer.WithoutValue();
    }

    private void Note<TObserver>(VcpuPart part, KvmAnswer answer, ref KvmAnswer first, ref TObserver observer)
        where TObserver : ITransferObserver
    {
        Hold(part, answer.Ok);
        if (!answer.Ok && first.Ok)
        {
            first = answer;
        }

        observer.OnStep(new TransferStep(part, answer), this);
    }

    private KvmAnswer CaptureXsave(IKvmVcpu vcpu)
    {
        KvmAnswer answer;
        if (_plan.Xsave2Size > 0)
        {
            _xsaveLength = _plan.Xsave2Size;
            answer = vcpu.GetXsave2(_xsave.AsSpan(0, _xsaveLength));
        }
        else
        {
            _xsaveLength = TransferPlan.LegacyXsaveSize;
            answer = vcpu.GetXsave(_xsave.AsSpan(0, _xsaveLength));
        }

        _xsaveLength = answer.Ok ? _xsaveLength : 0;
        return answer;
    }

    private KvmAnswer CaptureMsrs(IKvmVcpu vcpu)
    {
        if (_unreadable.Count > 0)
        {
            // The last capture closed gaps.
            AskAgain();
        }

        KvmAnswer<int> saved = ReadMsrs(vcpu, _msrs);
        _msrCount = saved.ValueOr(0);
        KvmAnswer<int> feature = saved.Ok ? ReadMsrs(vcpu, _featureMsrs) : saved;
        _featureMsrCount = feature.ValueOr(0);
        return feature.WithoutValue();
    }

    private void AskAgain()
    {
        _asked.CopyTo(_msrs, 0);
        for (int i = 0; i < _featureMsrs.Length; i++)
        {
            _featureMsrs[i] = new MsrValue(_plan.FeatureMsrs[i], 0);
        }

        _unreadable.Clear();
    }

    /// <summary>Reads what can be read, closes the gaps, and answers how many are left.</summary>
    private KvmAnswer<int> ReadMsrs(IKvmVcpu vcpu, MsrValue[] entries)
    {
        int kept = 0;
        int from = 0;
        while (from < entries.Length)
        {
            Span<MsrValue> batch = entries.AsSpan(from, Math.Min(MsrWriting.MostAtOnce, entries.Length - from));
            KvmAnswer<int> read = vcpu.GetMsrs(batch);
            if (!read.Ok)
            {
                return read;
            }

            if (kept != from)
            {
                batch[..read.Value].CopyTo(entries.AsSpan(kept));
            }

            kept += read.Value;
            from += read.Value;
            if (read.Value < batch.Length)
            {
                _unreadable.Add(entries[from].Index);
                from++;
            }
        }

        return kept;
    }
}
