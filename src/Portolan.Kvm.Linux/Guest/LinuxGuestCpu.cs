using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>
/// Runs one instruction in the guest of a live vCPU. Registers, pending events and MP state are put aside and given back around each run;
/// what the instruction itself changed stays. A run counts as KVM_RUN (contract C5, M4).
/// Where the host cannot run it (kvm_pvm leaves some instructions to an emulator that lacks them, contract T5), the answer is
/// <see cref="GuestFault.NotDecidable"/> with the reason.
/// </summary>
internal sealed partial class LinuxGuestCpu(KvmVcpu vcpu) : IGuestCpu
{
    private const int InvalidOpcodeVector = 6;
    private const int DeviceNotAvailableVector = 7;
    private const int GeneralProtectionVector = 13;

    /// <summary>CR0.PE, ET, NE (SDM vol. 3A, 2.5): protected mode without paging.</summary>
    private const ulong ProbeCr0 = 0x31;

    private const ulong Cr4Pcide = 1UL << 17;
    private const ulong Cr4Osxsave = 1UL << 18;
    private const ulong Cr4Cet = 1UL << 23;
    private const ulong EferLme = 1UL << 8;
    private const ulong EferLma = 1UL << 10;

    /// <summary>RFLAGS with only its reserved bit 1: interrupts off.</summary>
    private const ulong QuietRflags = 2;

    /// <summary>Longer than any stub takes, shorter than a person waits.</summary>
    private static readonly TimeSpan RunLimit = TimeSpan.FromSeconds(2);

    private ulong? _page;

    /// <inheritdoc/>
    public GuestAnswer<CpuidValues> Cpuid(uint leaf, uint subleaf)
        => Try(ProbeInstruction.Cpuid, new KvmRegs { Rax = leaf, Rcx = subleaf }, static (regs, _) =>
            new CpuidValues(Low(regs.Rdi), Low(regs.Rbx), Low(regs.Rcx), Low(regs.Rdx)));

    /// <inheritdoc/>
    public GuestAnswer<ulong> Rdmsr(uint index)
        => Try(ProbeInstruction.Rdmsr, new KvmRegs { Rcx = index }, (regs, saved) =>

            // The probe runs outside long mode; LME and LMA are what they were.
            Pair(regs) | (index == MsrIndex.Ia32Efer ? saved.Efer & (EferLme | EferLma) : 0));

    /// <inheritdoc/>
    public GuestAnswer<ulong> Wrmsr(uint index, ulong value)
    {
        if (index == MsrIndex.Ia32Efer && vcpu.GetSregs() is { Ok: true } sregs && (sregs.Value.Registers.Efer & EferLma) != 0)
        {
            return NotDecidable<ulong>("the probe runs outside long mode, where writing IA32_EFER has other rules");
        }

        return Try(ProbeInstruction.Wrmsr, Split(index, value), (_, _) => value);
    }

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xgetbv(uint index)
        => Try(ProbeInstruction.Xgetbv, new KvmRegs { Rcx = index }, static (regs, _) => new XFeatureMask(Pair(regs)));

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xsetbv(uint index, XFeatureMask value)
        => Try(ProbeInstruction.Xsetbv, Split(index, value.Bits), (_, _) => value);

    private static uint Low(ulong register) => unchecked((uint)register);

    private static ulong Pair(in KvmRegs regs) => (ulong)Low(regs.Rdx) << 32 | Low(regs.Rdi);

    private static KvmRegs Split(uint index, ulong value) => new() { Rcx = index, Rax = Low(value), Rdx = value >> 32 };

    private static GuestAnswer<T> NotDecidable<T>(string reason) => new(default!, GuestFault.NotDecidable, Reason: reason);

    private GuestAnswer<T> Try<T>(ProbeInstruction instruction, KvmRegs input, Func<KvmRegs, KvmSystemRegisters, T> result)
    {
        if (!PlacePage(out string reason))
        {
            return NotDecidable<T>(reason);
        }

        return WithStateAside(aside => Run(instruction, input, aside, result));
    }

    private GuestAnswer<T> WithStateAside<T>(Func<Aside, GuestAnswer<T>> run)
    {
        if (!Aside.TryTake(vcpu, out Aside? aside, out string reason))
        {
            return NotDecidable<T>(reason);
        }

        GuestAnswer<T> answer = run(aside);
        KvmAnswer back = aside.GiveBack(vcpu);
        return back.Ok ? answer : NotDecidable<T>($"the vCPU's state could not be given back: {back.Errno}");
    }

    private GuestAnswer<T> Run<T>(ProbeInstruction instruction, KvmRegs input, Aside aside, Func<KvmRegs, KvmSystemRegisters, T> result)
    {
        uint page = (uint)_page!.Value;
        KvmSregs probe = ProbeSregs(aside.Sregs, page);
        bool wantsOsxsave = instruction is ProbeInstruction.Xgetbv or ProbeInstruction.Xsetbv;
        KvmSregs first = wantsOsxsave ? probe with { Registers = probe.Registers with { Cr4 = probe.Registers.Cr4 | Cr4Osxsave } } : probe;

        // A guest without XSAVE in its CPUID cannot set OSXSAVE; it then meets #UD.
        KvmAnswer set = vcpu.SetSregs(first);
        if (!set.Ok && wantsOsxsave)
        {
            set = vcpu.SetSregs(probe);
        }

        if (set.Ok)
        {
            set = vcpu.SetRegs(input with
            {
                Rip = page + (uint)ProbePage.StubOffset(instruction),
                Rsp = page + ProbePage.StackOffset,
                Rflags = QuietRflags,
            });
        }

        if (!set.Ok)
        {
            return NotDecidable<T>($"the vCPU cannot be put into flat 32-bit mode: {set.Errno}");
        }

        KvmAnswer<KvmExit> exit = vcpu.Run(RunLimit);
        if (!exit.Ok)
        {
            return NotDecidable<T>($"KVM_RUN: {exit.Errno}");
        }

        aside.Keep(probe.Registers, vcpu);
        return Read(exit.Value, aside, result);
    }

    private GuestAnswer<T> Read<T>(KvmExit exit, Aside aside, Func<KvmRegs, KvmSystemRegisters, T> result)
    {
        if (Fault<T>(exit) is { } fault)
        {
            return fault;
        }

        KvmAnswer<KvmRegs> regs = vcpu.GetRegs();
        return regs.Ok ? new GuestAnswer<T>(result(regs.Value, aside.Sregs.Registers)) : NotDecidable<T>($"KVM_GET_REGS: {regs.Errno}");
    }

    /// <summary>What an exit says of the instruction; null if it retired.</summary>
    private static GuestAnswer<T>? Fault<T>(KvmExit exit)
    {
        if (exit is { Reason: KvmExitReason.Io, Port: ProbePage.FaultPort })
        {
            return new GuestAnswer<T>(default!, exit.Value switch
            {
                InvalidOpcodeVector => GuestFault.UD,
                DeviceNotAvailableVector => GuestFault.NM,
                GeneralProtectionVector => GuestFault.GP,
                _ => GuestFault.Other,
            });
        }

        return exit is { Reason: KvmExitReason.Io, Port: ProbePage.DonePort } ? null
            : NotDecidable<T>(exit.Reason == KvmExitReason.Interrupted
                ? $"the guest did not finish in {RunLimit.TotalSeconds} s"
                : $"the guest ended in KVM_EXIT {exit.Reason} ({exit.Value})");
    }

    private bool PlacePage(out string reason)
    {
        reason = string.Empty;
        if (_page is not null)
        {
            return true;
        }

        KvmAnswer<ulong> placed = vcpu.Vm.AddPrivateMemory(ProbePage.Size);
        if (!placed.Ok)
        {
            reason = $"no room for the probe's page in guest memory: {placed.Errno}";
            return false;
        }

        _page = placed.Value;
        KvmAnswer written = vcpu.Vm.WriteGuestMemory(placed.Value, ProbePage.Build((uint)placed.Value));
        reason = $"the probe's page cannot be written: {written.Errno}";
        return written.Ok;
    }

    /// <summary>Flat segments and tables of the probe's own. FS, GS, TR and LDTR stay: the probe does not use them, and MSRs read their bases.</summary>
    private static KvmSystemRegisters OwnSegments(in KvmSystemRegisters saved, ulong block, bool isLong, uint idtOffset, ushort idtLimit)
    {
        byte width = (byte)(isLong ? 1 : 0);
        KvmSegment code = new(
            0, uint.MaxValue, ProbePage.CodeSelector, Type: 0b1011, Present: 1, Dpl: 0, Db: (byte)(1 - width), S: 1, L: width, G: 1, Avl: 0, Unusable: 0);
        KvmSegment data = code with { Selector = ProbePage.DataSelector, Type = 0b0011, Db = 1, L = 0 };
        return saved with
        {
            Cs = code,
            Ds = data,
            Es = data,
            Ss = data,
            Gdt = new KvmDescriptorTable(block + ProbePage.GdtOffset, ProbePage.GdtLimit),
            Idt = new KvmDescriptorTable(block + idtOffset, idtLimit),
        };
    }

    private static KvmSregs ProbeSregs(in KvmSregs saved, uint page)
    {
        KvmSystemRegisters registers = OwnSegments(saved.Registers, page, isLong: false, ProbePage.IdtOffset, ProbePage.IdtLimit) with
        {
            Cr0 = ProbeCr0,
            Cr4 = saved.Registers.Cr4 & ~(Cr4Pcide | Cr4Cet),
            Efer = saved.Registers.Efer & ~(EferLme | EferLma),
        };
        return new KvmSregs(registers, default);
    }
}
