using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <summary>An MSR that KVM_SET_MSRS did not take.</summary>
/// <param name="Msr">The MSR, with the value.</param>
/// <param name="Answer">A success with the rule where the ioctl stopped at it; the errno where the whole call failed.</param>
internal readonly record struct RefusedMsr(MsrValue Msr, KvmAnswer Answer);

/// <summary>KVM_SET_MSRS of a whole list: stopping at the first refusal as a VMM does, or going on after each to find them all.</summary>
internal static class MsrWriting
{
    /// <summary>KVM answers E2BIG to 256 entries (MAX_IO_MSRS, arch/x86/kvm/x86.c msr_io): so many at once are fine.</summary>
    internal const int MostAtOnce = 255;

    /// <summary>Writes until one is refused; null if none is.</summary>
    internal static RefusedMsr? UntilRefused(IKvmVcpu vcpu, ReadOnlySpan<MsrValue> values)
    {
        for (int from = 0; from < values.Length;)
        {
            ReadOnlySpan<MsrValue> batch = values.Slice(from, Math.Min(MostAtOnce, values.Length - from));
            KvmAnswer<int> written = vcpu.SetMsrs(batch);
            if (!written.Ok || written.Value < batch.Length)
            {
                return Refused(vcpu, batch, written);
            }

            from += batch.Length;
        }

        return null;
    }

    /// <summary>Writes them all, passing over each that is refused.</summary>
    /// <returns>The refused ones in order; null if there are none.</returns>
    internal static List<RefusedMsr>? All(IKvmVcpu vcpu, ReadOnlySpan<MsrValue> values)
    {
        List<RefusedMsr>? refused = null;
        int most = MostAtOnce;
        for (int from = 0; from < values.Length;)
        {
            ReadOnlySpan<MsrValue> batch = values.Slice(from, Math.Min(most, values.Length - from));
            KvmAnswer<int> written = vcpu.SetMsrs(batch);
            if (!written.Ok && batch.Length > 1)
            {
                // The answer does not tell at which of them: from here on one at a time. What was written already is written again.
                most = 1;
                continue;
            }

            if (written.Ok && written.Value == batch.Length)
            {
                from += batch.Length;
                continue;
            }

            (refused ??= []).Add(Refused(vcpu, batch, written));
            from += written.ValueOr(0) + 1;
        }

        return refused;
    }

    private static RefusedMsr Refused(IKvmVcpu vcpu, ReadOnlySpan<MsrValue> batch, KvmAnswer<int> written)
        => written.Ok ? new(batch[written.Value], new KvmAnswer(Errno.None, vcpu.LastMsrRefusal)) : new(batch[0], written.WithoutValue());
}
