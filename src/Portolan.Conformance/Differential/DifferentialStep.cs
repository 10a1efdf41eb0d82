using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Conformance.Differential;

/// <summary>What an ioctl answered, as far as two implementations are compared by it.</summary>
/// <param name="Errno">The errno.</param>
/// <param name="Value">The result as text; empty where there is none.</param>
internal sealed record StepAnswer(Errno Errno, string Value = "")
{
    /// <summary>How many entries of a list were taken.</summary>
    public int Count { get; init; }

    public static StepAnswer Of(KvmAnswer answer) => new(answer.Errno);

    public static StepAnswer Of<T>(KvmAnswer<T> answer) => new(answer.Errno, answer.Ok ? string.Create(CultureInfo.InvariantCulture, $"{answer.Value}") : "");

    public override string ToString() => Errno == Errno.None ? Value.Length == 0 ? "ok" : Value : Errno.ToString();
}

/// <summary>One ioctl with its arguments, which were chosen before anything ran.</summary>
/// <param name="Call">The ioctl's name.</param>
/// <param name="Group">What differs where its answers differ: the call, or the MSR or register that it touches.</param>
/// <param name="Arguments">The arguments, for people.</param>
/// <param name="Apply">Makes the call.</param>
/// <typeparam name="T">The file descriptor it is made on.</typeparam>
internal sealed record DifferentialStep<T>(string Call, string Group, string Arguments, Func<T, StepAnswer> Apply)
{
    /// <summary>Is the group a place of the state, at which the states differ from then on?</summary>
    public bool NamesPlace => !Group.StartsWith(Call, StringComparison.Ordinal);

    /// <summary>Names what differs by both answers, where the group depends on them; the group if null.</summary>
    public Func<StepAnswer, StepAnswer, string>? Parting { get; init; }

    public override string ToString() => Arguments.Length == 0 ? Call : $"{Call} {Arguments}";
}

/// <summary>A sequence: what is asked of the VM before it has a vCPU, then of the vCPU.</summary>
internal sealed record DifferentialSequence(ImmutableArray<DifferentialStep<IKvmVm>> Machine, ImmutableArray<DifferentialStep<IKvmVcpu>> Vcpu)
{
    public int Length => Machine.Length + Vcpu.Length;

    /// <summary>The calls up to one of them, for people.</summary>
    public ImmutableArray<string> Words(int count)
        => [.. Machine.Select(static step => step.ToString()).Concat(Vcpu.Select(static step => step.ToString())).Take(count)];

    /// <summary>The sequence up to so many calls.</summary>
    public DifferentialSequence First(int count)
        => count <= Machine.Length ? new(Machine[..count], []) : this with { Vcpu = Vcpu[..(count - Machine.Length)] };

    /// <summary>The sequence without one call.</summary>
    public DifferentialSequence Without(int at)
        => at < Machine.Length ? this with { Machine = Machine.RemoveAt(at) } : this with { Vcpu = Vcpu.RemoveAt(at - Machine.Length) };
}
