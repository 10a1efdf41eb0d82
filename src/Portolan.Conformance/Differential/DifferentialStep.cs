using System.Globalization;

namespace Portolan.Conformance.Differential;

/// <summary>What an ioctl answered, as far as two implementations are compared by it.</summary>
/// <param name="Errno">The errno.</param>
/// <param name="Value">The result as text; empty where there is none.</param>
internal sealed record StepAnswer(Errno Errno, string Value = "")
{
    public static StepAnswer Of(KvmAnswer answer) => new(answer.Errno);

    public static StepAnswer Of<T>(KvmAnswer<T> answer) => new(answer.Errno, answer.Ok ? string.Create(CultureInfo.InvariantCulture, $"{answer.Value}") : "");

    public override string ToString() => Errno == Errno.None ? Value.Length == 0 ? "ok" : Value : Errno.ToString();
}

/// <summary>One ioctl with its arguments, which were chosen before anything ran.</summary>
/// <param name="Call">The ioctl's name.</param>
/// <param name="Subject">What of the vCPU it touches, as mismatches are grouped: an MSR's index, a register; empty where the call says it all.</param>
/// <param name="Arguments">The arguments, for people.</param>
/// <param name="Apply">Makes the call.</param>
internal sealed record DifferentialStep(string Call, string Subject, string Arguments, Func<IKvmVcpu, StepAnswer> Apply)
{
    public string Group => Subject.Length == 0 ? Call : $"{Call} {Subject}";

    public override string ToString() => Arguments.Length == 0 ? Group : $"{Group} {Arguments}";
}

/// <summary>A question about a vCPU's state that is put to both after every step.</summary>
/// <param name="Call">The ioctl's name.</param>
/// <param name="Ask">Puts the question.</param>
internal sealed record StateQuestion(string Call, Func<IKvmVcpu, StepAnswer> Ask)
{
    /// <summary>The byte offset of MXCSR_MASK in an image: no instruction loads it.</summary>
    private const int MxcsrMaskAt = 28;

    /// <summary>What every step's state is compared by.</summary>
    public static IReadOnlyList<StateQuestion> All { get; } =
    [
        new("KVM_GET_XSAVE", static vcpu => Image(vcpu, static image =>
        {
            image.AsSpan(MxcsrMaskAt, sizeof(uint)).Clear();
            return image;
        })),
        new("KVM_GET_XSAVE MXCSR_MASK", static vcpu => Image(vcpu, static image => image[MxcsrMaskAt..(MxcsrMaskAt + sizeof(uint))])),
        new("KVM_GET_XCRS", static vcpu =>
        {
            KvmAnswer<KvmXcrs> answer = vcpu.GetXcrs();
            return new StepAnswer(answer.Errno, answer.Ok ? string.Join(' ', answer.Value.Entries.Select(static entry => $"{entry.Register}={entry.Value:x}")) : "");
        }),
        new("KVM_GET_CPUID2", static vcpu =>
        {
            KvmAnswer<CpuidTable> answer = vcpu.GetCpuid2();
            return new StepAnswer(answer.Errno, answer.Ok ? string.Join('\n', answer.Value) : "");
        }),
        new("KVM_GET_SREGS", static vcpu => StepAnswer.Of(vcpu.GetSregs())),
        new("KVM_GET_REGS", static vcpu => StepAnswer.Of(vcpu.GetRegs())),
        new("KVM_GET_DEBUGREGS", static vcpu => StepAnswer.Of(vcpu.GetDebugRegs())),
        new("KVM_GET_MP_STATE", static vcpu => StepAnswer.Of(vcpu.GetMpState())),
    ];

    private static StepAnswer Image(IKvmVcpu vcpu, Func<byte[], byte[]> part)
    {
        byte[] image = new byte[CaseVcpu.LegacyImage];
        KvmAnswer answer = vcpu.GetXsave(image);
        return new StepAnswer(answer.Errno, answer.Ok ? Convert.ToHexStringLower(part(image)) : "");
    }
}
