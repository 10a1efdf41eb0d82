using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Differential;

/// <summary>
/// Random sequences of ioctls for one VM and its vCPU: mostly near what a kernel takes, so that both answers occur. One seed, one
/// sequence. No KVM_RUN is among them.
/// </summary>
internal sealed class StepGenerator(HostSnapshot host)
{
    private const int LongestSequence = 64;

    private readonly CpuidSteps _cpuid = new(host);
    private readonly XsaveSteps _xsave = new(host);

    /// <summary>The host's MSRs.</summary>
    public MsrSteps Msrs { get; } = new(host);

    /// <summary>The sequence of a seed.</summary>
    public DifferentialSequence Sequence(int seed)
    {
        // Reproducible: the runtime keeps the algorithm of a seeded generator.
#pragma warning disable CA5394
        Random random = new(seed);
        ImmutableArray<DifferentialStep<IKvmVm>>.Builder machine = ImmutableArray.CreateBuilder<DifferentialStep<IKvmVm>>();
        for (int i = random.Next(4); i > 0; i--)
        {
            machine.Add(MachineSteps.Next(random));
        }

        ImmutableArray<DifferentialStep<IKvmVcpu>>.Builder vcpu = ImmutableArray.CreateBuilder<DifferentialStep<IKvmVcpu>>();
        if (random.Next(8) != 0)
        {
            vcpu.Add(_cpuid.Next(random));
        }

        for (int length = random.Next(8, LongestSequence); vcpu.Count < length;)
        {
            vcpu.Add(Vcpu(random));
        }

        return new DifferentialSequence(machine.ToImmutable(), vcpu.ToImmutable());
    }

    private DifferentialStep<IKvmVcpu> Vcpu(Random random) => random.Next(20) switch
    {
        0 => _cpuid.Next(random),
        1 or 2 or 3 => _xsave.SetXsave(random),
        4 or 5 => _xsave.SetXcrs(random),
        6 or 7 or 8 or 9 => Msrs.One(random),
        10 => Msrs.Many(random),
        11 or 12 => SregsSteps.One(random),
        13 => SregsSteps.Many(random),
        14 => RegisterSteps.DebugRegs(random),
        15 => RegisterSteps.Regs(random),
        16 => RegisterSteps.Events(random),
        17 => VcpuSteps.EnableCapability(random),
        18 => VcpuSteps.Nested(random),
        _ => random.Next(3) switch { 0 => RegisterSteps.MpState(random), 1 => VcpuSteps.TscKhz(random, host.TscKhz?.Value), _ => VcpuSteps.OneReg(random) },
    };
#pragma warning restore CA5394
}
