using System.Diagnostics;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Linux.Interop;

namespace Portolan.Benchmarks;

/// <summary>One comparison of the binding with the bare ioctl.</summary>
/// <param name="Name">The ioctl.</param>
/// <param name="BindingNanoseconds">The binding's median, for one call.</param>
/// <param name="BareNanoseconds">The bare ioctl's median, for one call.</param>
/// <param name="Ratio">The median over the rounds of binding / bare.</param>
public sealed record XsaveIoctlFigures(string Name, double BindingNanoseconds, double BareNanoseconds, double Ratio);

/// <summary>The binding's KVM_GET_XSAVE and KVM_SET_XSAVE against the bare ioctl, in one run, round by round in turn.</summary>
public static class XsaveIoctl
{
    private const int Rounds = 61;
    private const int CallsInARound = 400;
    private const int WarmUpRounds = 6;

    /// <summary>Measures on the live kernel.</summary>
    /// <param name="figures">The figures; empty where nothing could be measured.</param>
    /// <param name="reason">Why not, in one line.</param>
    public static bool TryMeasure(out IReadOnlyList<XsaveIoctlFigures> figures, out string? reason)
    {
        figures = [];
        if (!LinuxKvm.TryOpen(out KvmSystem? system, out reason))
        {
            return false;
        }

        using (system)
        using (KvmVm vm = (KvmVm)system.CreateVm().Value)
        using (KvmVcpu vcpu = (KvmVcpu)vm.CreateVcpu(0).Value)
        using (BareXsave bare = new(vcpu))
        {
            byte[] image = new byte[vcpu.XsaveSize];
            if (!vcpu.SetCpuid2(system.GetSupportedCpuid().Value).Ok || !vcpu.GetXsave(image).Ok || bare.Get() != 0)
            {
                reason = "the vCPU refuses its own XSAVE image";
                return false;
            }

            figures =
            [
                Compare("KVM_GET_XSAVE", () => vcpu.GetXsave(image).Ok, () => bare.Get() == 0),
                Compare("KVM_SET_XSAVE", () => vcpu.SetXsave(image).Ok, () => bare.Set() == 0),
            ];
        }

        return true;
    }

    private static XsaveIoctlFigures Compare(string name, Func<bool> binding, Func<bool> bare)
    {
        double[] bindings = new double[Rounds];
        double[] floors = new double[Rounds];
        double[] ratios = new double[Rounds];
        for (int round = -WarmUpRounds; round < Rounds; round++)
        {
            // Which goes first changes from round to round, so that neither has the warmer half of it.
            bool bindingFirst = (round & 1) == 0;
            double first = Time(bindingFirst ? binding : bare);
            double second = Time(bindingFirst ? bare : binding);
            if (round >= 0)
            {
                bindings[round] = bindingFirst ? first : second;
                floors[round] = bindingFirst ? second : first;
                ratios[round] = bindings[round] / floors[round];
            }
        }

        return new XsaveIoctlFigures(name, Median(bindings), Median(floors), Median(ratios));
    }

    private static double Time(Func<bool> call)
    {
        bool ok = true;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < CallsInARound; i++)
        {
            ok &= call();
        }

        double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / CallsInARound;
        return ok ? nanoseconds : throw new InvalidOperationException("the vCPU refused its own XSAVE image");
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted[sorted.Length / 2];
    }
}
