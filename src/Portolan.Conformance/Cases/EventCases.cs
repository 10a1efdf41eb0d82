namespace Portolan.Conformance.Cases;

/// <summary>Pending events, MP state, debug registers and the local APIC (contract S14, S19, S22).</summary>
internal static class EventCases
{
    private const uint Payload = 16;
    private const uint TripleFault = 32;
    private const byte GeneralProtection = 13;

    public static IEnumerable<ConformanceCase> All() => [.. Flags(), .. Exceptions(), .. MpStates(), .. DebugRegisters(), .. Lapic()];

    private static ConformanceCase Events(string clause, string variant, string statement, bool taken, Func<KvmVcpuEvents, KvmVcpuEvents> edit, Func<IKvmVm, KvmAnswer>? prepare, params CaseNeed[] needs)
        => ConformanceCase.Of(clause, variant, statement, needs, run =>
        {
            if (run.Vcpu(run.Everything, prepare) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events))
            {
                run.Expect($"KVM_SET_VCPU_EVENTS, {variant}", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetVcpuEvents(edit(events)));
            }
        });

    private static KvmAnswer WithPayload(IKvmVm vm) => vm.EnableCapability(KvmCapability.ExceptionPayload, 1);

    private static KvmAnswer WithTripleFault(IKvmVm vm) => vm.EnableCapability(KvmCapability.X86TripleFaultEvent, 1);

    private static IEnumerable<ConformanceCase> Flags()
    {
        yield return Events("events.flags", "same", "What KVM_GET_VCPU_EVENTS answers, KVM_SET_VCPU_EVENTS takes", true, static events => events, null);
        foreach (int bit in (int[])[6, 7, 8, 31])
        {
            yield return Events("events.flags", $"bit-{bit}", "KVM_SET_VCPU_EVENTS has only flags that the kernel knows", false, events => events with { Flags = events.Flags | 1U << bit }, null);
        }

        yield return Events("events.flags", "payload-not-enabled", "The payload flag needs KVM_CAP_EXCEPTION_PAYLOAD enabled", false, static events => events with { Flags = events.Flags | Payload }, null);
        yield return Events("events.flags", "payload", "The payload flag is taken once KVM_CAP_EXCEPTION_PAYLOAD is enabled", true, static events => events with { Flags = events.Flags | Payload }, WithPayload, CaseNeed.Capability("KVM_CAP_EXCEPTION_PAYLOAD"));
        yield return Events("events.flags", "triple-fault-not-enabled", "The triple-fault flag needs KVM_CAP_X86_TRIPLE_FAULT_EVENT enabled", false, static events => events with { Flags = events.Flags | TripleFault }, null);
        yield return Events("events.flags", "triple-fault", "The triple-fault flag is taken once KVM_CAP_X86_TRIPLE_FAULT_EVENT is enabled", true, static events => events with { Flags = events.Flags | TripleFault }, WithTripleFault, CaseNeed.Capability("KVM_CAP_X86_TRIPLE_FAULT_EVENT"));
        yield return ConformanceCase.Of("events.flags", "reported", "KVM_GET_VCPU_EVENTS shows the flags of what is enabled", [CaseNeed.Capability("KVM_CAP_EXCEPTION_PAYLOAD")], static run =>
        {
            if (run.Vcpu(run.Everything, WithPayload) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events))
            {
                run.Equal("payload flag", Payload, events.Flags & Payload);
            }
        }).Also("S19");
    }

    private static KvmVcpuEvents Injected(KvmVcpuEvents events, byte number) => events with { ExceptionInjected = 1, ExceptionNumber = number };

    private static IEnumerable<ConformanceCase> Exceptions()
    {
        foreach (byte number in (byte[])[2, 32, 255])
        {
            yield return Events("events.exception", $"number-{number}", "An exception's number is not NMI's and below 32", false, events => Injected(events, number), null);
        }

        yield return ConformanceCase.Of("events.exception", "pending-and-injected", "An exception that is pending is not injected too: the pending one stays", [CaseNeed.Capability("KVM_CAP_EXCEPTION_PAYLOAD")], static run =>
        {
            if (run.Vcpu(run.Everything, WithPayload) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events)
                && run.Takes("KVM_SET_VCPU_EVENTS with #GP pending and injected", vcpu.Cpu.SetVcpuEvents(Injected(events, GeneralProtection) with { ExceptionPending = 1, Flags = events.Flags | Payload }))
                && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents got))
            {
                run.Equal("pending and injected", (1, 0), ((int)got.ExceptionPending, (int)got.ExceptionInjected));
            }
        });
        yield return ConformanceCase.Of("events.exception", "kept", "An injected exception is read back", [], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events)
                && run.Takes("KVM_SET_VCPU_EVENTS with #GP injected", vcpu.Cpu.SetVcpuEvents(Injected(events, GeneralProtection) with { ExceptionHasErrorCode = 1, ExceptionErrorCode = 0x18 }))
                && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents got))
            {
                run.Equal("injected exception, number and error code", (1, 13, 0x18U), ((int)got.ExceptionInjected, (int)got.ExceptionNumber, got.ExceptionErrorCode));
            }
        });
        yield return ConformanceCase.Of("events.exception", "pending-kept", "A pending exception and its payload are read back once the capability is enabled", [CaseNeed.Capability("KVM_CAP_EXCEPTION_PAYLOAD")], static run =>
        {
            if (run.Vcpu(run.Everything, WithPayload) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events)
                && run.Takes("KVM_SET_VCPU_EVENTS with #PF pending", vcpu.Cpu.SetVcpuEvents(events with { ExceptionPending = 1, ExceptionNumber = 14, ExceptionHasPayload = 1, ExceptionPayload = 0x1234, Flags = events.Flags | Payload }))
                && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents got))
            {
                run.Equal("pending exception, number and payload", (1, 14, 0x1234UL), ((int)got.ExceptionPending, (int)got.ExceptionNumber, got.ExceptionPayload));
            }
        });
    }

    private static IEnumerable<ConformanceCase> MpStates()
    {
        foreach (KvmMpState state in (KvmMpState[])[KvmMpState.Uninitialized, KvmMpState.InitReceived, KvmMpState.Halted, KvmMpState.SipiReceived])
        {
            string name = $"{(uint)state}";
            yield return ConformanceCase.Of("mp-state.value", $"{name}-without-lapic", "Without the in-kernel interrupt controller a vCPU is runnable", [], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu)
                {
                    run.Refuses($"KVM_SET_MP_STATE of {state}", vcpu.Cpu.SetMpState(state));
                }
            });
            yield return ConformanceCase.Of("mp-state.value", name, "With the in-kernel interrupt controller every MP state is taken", [], run =>
            {
                if (run.Vcpu(run.Everything, static vm => vm.CreateIrqChip()) is { } vcpu && run.Takes($"KVM_SET_MP_STATE of {state}", vcpu.Cpu.SetMpState(state))
                    && run.Has("KVM_GET_MP_STATE", vcpu.Cpu.GetMpState(), out KvmMpState got) && state is KvmMpState.Uninitialized or KvmMpState.Halted)
                {
                    run.Equal("KVM_GET_MP_STATE", state, got);
                }
            });
        }

        foreach (uint state in (uint[])[5, 100])
        {
            yield return ConformanceCase.Of("mp-state.value", $"unknown-{state}", "The MP state is one that x86 has", [], run =>
            {
                if (run.Vcpu(run.Everything, static vm => vm.CreateIrqChip()) is { } vcpu)
                {
                    run.Refuses($"KVM_SET_MP_STATE of {state}", vcpu.Cpu.SetMpState((KvmMpState)state));
                }
            });
        }
    }

    private static IEnumerable<ConformanceCase> DebugRegisters() =>
    [
        Debug("flags", "The flags word is 0", false, new KvmDebugRegs(0, 0, 0, 0, 0xffff0ff0, 0x400, 1)),
        Debug("dr6", "DR6[63:32] is 0", false, new KvmDebugRegs(0, 0, 0, 0, 0x1_ffff_0ff0, 0x400, 0)),
        Debug("dr7", "DR7[63:32] is 0", false, new KvmDebugRegs(0, 0, 0, 0, 0xffff0ff0, 0x1_0000_0400, 0)),
        Debug("kept", "Debug registers are taken and read back", true, new KvmDebugRegs(0x1000, 0x2000, 0x3000, 0x4000, 0xffff0ff1, 0x401, 0)),
    ];

    private static ConformanceCase Debug(string variant, string statement, bool taken, KvmDebugRegs regs)
        => ConformanceCase.Of("debugregs.upper", variant, statement, [], run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Expect("KVM_SET_DEBUGREGS", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetDebugRegs(regs));
                _ = taken && run.Has("KVM_GET_DEBUGREGS", vcpu.Cpu.GetDebugRegs(), out KvmDebugRegs got) && run.Equal("debug registers", regs, got);
            }
        });

    private static IEnumerable<ConformanceCase> Lapic() =>
    [
        ConformanceCase.Of("lapic.absent", "get", "KVM_GET_LAPIC needs the in-kernel interrupt controller", [], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_GET_LAPIC", vcpu.Cpu.GetLapic(new byte[1024]));
            }
        }),
        ConformanceCase.Of("lapic.absent", "set", "KVM_SET_LAPIC needs the in-kernel interrupt controller", [], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_SET_LAPIC", vcpu.Cpu.SetLapic(new byte[1024]));
            }
        }),
        ConformanceCase.Of("lapic.absent", "round-trip", "What KVM_GET_LAPIC answers, KVM_SET_LAPIC takes", [], static run =>
        {
            byte[] page = new byte[1024];
            if (run.Vcpu(run.Everything, static vm => vm.CreateIrqChip()) is { } vcpu && run.Takes("KVM_GET_LAPIC", vcpu.Cpu.GetLapic(page)))
            {
                run.Takes("KVM_SET_LAPIC of the same", vcpu.Cpu.SetLapic(page));
            }
        }),
        ConformanceCase.Of("lapic.absent", "synic", "SynIC needs the in-kernel interrupt controller", [CaseNeed.Capability("KVM_CAP_HYPERV_SYNIC2")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } without)
            {
                run.Refuses("KVM_ENABLE_CAP(KVM_CAP_HYPERV_SYNIC2)", without.Cpu.EnableCapability(KvmCapability.HypervSynic2));
            }

            if (run.Vcpu(run.Everything, static vm => vm.CreateIrqChip()) is { } with)
            {
                run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_SYNIC2) with the controller", with.Cpu.EnableCapability(KvmCapability.HypervSynic2));
            }
        }).Also("S14"),
    ];
}
