namespace Portolan.Compatibility.Judging;

/// <summary>The judgement of one vCPU's state.</summary>
/// <param name="Vcpu">The vCPU's id; null where no state was given and every vCPU is judged alike.</param>
/// <param name="Judgement">The judgement.</param>
public sealed record VcpuJudgement(uint? Vcpu, Judgement Judgement);
