using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Portolan.Kvm;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;

namespace Portolan.Benchmarks;

/// <summary>What a hop of one vCPU between two modelled hosts costs.</summary>
/// <param name="Nanoseconds">One hop: capture, CREATE_VM, CREATE_VCPU, setup, restore; the median of the rounds.</param>
/// <param name="BestNanoseconds">The same of the quickest round: what a shared machine's other work disturbed least.</param>
/// <param name="CopyNanoseconds">Copying as many bytes as the hop carried, twice: out of the one vCPU and into the other.</param>
/// <param name="Bytes">Bytes carried: XSAVE image, MSRs, nested state.</param>
/// <param name="AllocatedBytes">Bytes allocated by one hop.</param>
public readonly record struct ModelHopResult(double Nanoseconds, double BestNanoseconds, double CopyNanoseconds, int Bytes, long AllocatedBytes)
{
    /// <summary>The hop's cost in copies of its bytes.</summary>
    public double Ratio => Nanoseconds / CopyNanoseconds;

    /// <summary>One line for the report.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"model hop: {Nanoseconds / 1000:F2} us (quickest round {BestNanoseconds / 1000:F2}), {Bytes} bytes carried, {AllocatedBytes} bytes allocated; copying them: {CopyNanoseconds / 1000:F3} us (ratio {Ratio:F1})");
}

/// <summary>Measures a model hop.</summary>
public static class ModelHop
{
    private const int Rounds = 15;
    private const int HopsPerRound = 4000;
    private const int XstateBvAt = 512;

    /// <summary>Measures a hop from a host to itself, with a guest that has all that the host offers without permission.</summary>
    /// <exception cref="InvalidOperationException">The host cannot be modelled, or the hop fails.</exception>
    public static ModelHopResult Measure(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        ModelSystem system = ModelSystem.TryCreate(host, out var missing)
            ?? throw new InvalidOperationException($"the host lacks {string.Join(", ", missing)}");
        GuestContract contract = GuestDefinition.From(host, new GuestRequest()).Contract
            ?? throw new InvalidOperationException("the host can promise a guest nothing");
        GuestSetup setup = new(contract);
        IKvmVm vm = Require(system.CreateVm());
        TransferPlan plan = Require(TransferPlan.From(system, vm, contract));
        VcpuTransfer transfer = new(plan);
        IKvmVcpu vcpu = Fresh(system, setup);
        Require(vcpu.SetXsave(FullImage(system)));

        for (int i = 0; i < HopsPerRound; i++)
        {
            vcpu = Hop(system, setup, transfer, vcpu);
        }

        double[] rounds = new double[Rounds];
        double[] copies = new double[Rounds];
        int bytes = transfer.Xsave.Length + (transfer.Msrs.Length + transfer.FeatureMsrs.Length) * sizeof(ulong) * 2;
        byte[] from = new byte[bytes];
        byte[] into = new byte[bytes];
        long allocated = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < HopsPerRound; i++)
            {
                vcpu = Hop(system, setup, transfer, vcpu);
            }

            rounds[round] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / HopsPerRound;
            allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / HopsPerRound;
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < HopsPerRound; i++)
            {
                from.CopyTo(into, 0);
                into.CopyTo(from, 0);
            }

            copies[round] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / HopsPerRound;
        }

        Array.Sort(rounds);
        Array.Sort(copies);
        return new ModelHopResult(rounds[Rounds / 2], rounds[0], copies[Rounds / 2], bytes, allocated);
    }

    private static IKvmVcpu Hop(ModelSystem system, GuestSetup setup, VcpuTransfer transfer, IKvmVcpu source)
    {
        KvmAnswer captured = transfer.Capture(source);
        IKvmVcpu destination = Fresh(system, setup);
        RestoreResult restored = transfer.Restore(destination, RestoreOrder.Qemu);
        return captured.Ok && restored.Outcome == RestoreOutcome.Complete
            ? destination
            : throw new InvalidOperationException($"the hop failed: {captured} {restored.Failed} {restored.Failed.Answer.Rule?.Id}");
    }

    private static IKvmVcpu Fresh(ModelSystem system, GuestSetup setup)
    {
        IKvmVm vm = Require(system.CreateVm());
        _ = setup.PrepareVm(vm);
        IKvmVcpu vcpu = Require(vm.CreateVcpu(0));
        SetupStep prepared = setup.PrepareVcpu(vcpu);
        return prepared.Ok ? vcpu : throw new InvalidOperationException($"the setup failed: {prepared} {vcpu.LastMsrRefusal?.Id}");
    }

    private static byte[] FullImage(ModelSystem system)
    {
        byte[] image = new byte[TransferPlan.LegacyXsaveSize];
        image.AsSpan(XstateBvAt + XstateBvAt / 8).Fill(0x5a);
        var leaf = Require(system.GetSupportedCpuid()).GetOrZero(0xd);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XstateBvAt), leaf.Eax);
        return image;
    }

    private static T Require<T>(KvmAnswer<T> answer) => answer.Ok ? answer.Value : throw new InvalidOperationException($"{answer} {answer.Rule?.Id}");

    private static void Require(KvmAnswer answer)
    {
        if (!answer.Ok)
        {
            throw new InvalidOperationException($"{answer} {answer.Rule?.Id}");
        }
    }
}
