using System.Buffers.Binary;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Linux.Guest;

/// <content>VM entry: an L1 of the probe's own launches an L2.</content>
internal sealed partial class LinuxGuestCpu
{
    /// <summary>IA32_FEATURE_CONTROL: locked, VMX outside SMX.</summary>
    private const ulong VmxAllowed = 0b101;

    private const ulong AssistPageEnabled = 1;
    private const ulong Cr4Pse = 1UL << 4;
    private const uint SecondaryEpt = 1U << 1;
    private const uint HostAddressSpace = 1U << 9; // of the exit controls; of the entry controls, IA-32e mode guest
    private const uint EntryFailure = 1U << 31; // of the exit reason
    private const uint RevisionBits = 0x7fff_ffff; // of IA32_VMX_BASIC
    private const int NestedStateSize = 128 + 2 * 4096; // struct kvm_nested_state with a VMCS12 and its shadow (uapi asm/kvm.h)
    private const int InstructionErrorAt = 128 + 808; // struct vmcs12, vm_instruction_error (arch/x86/kvm/vmx/vmcs12.h, vmx_check_vmcs12_offsets)
    private const ulong InvalidControls = 7; // VM-instruction errors (SDM vol. 3C, 32.4)
    private const ulong InvalidHostState = 8;

    private ulong? _hypervisor;

    /// <inheritdoc/>
    public GuestAnswer<VmEntryOutcome> VmEntry(in VmxControlSettings controls, bool enlightened)
    {
        if ((controls.Secondary & SecondaryEpt) != 0 || ((controls.Exit | controls.Entry) & HostAddressSpace) != 0)
        {
            return NotDecidable<VmEntryOutcome>("the L1 at hand runs in 32-bit mode and gives its L2 no EPT");
        }

        if (!PlaceHypervisor(controls, enlightened, out byte[] block, out string reason))
        {
            return NotDecidable<VmEntryOutcome>(reason);
        }

        return WithStateAside(aside => WithMsrs(enlightened, () =>
        {
            // The page that announces an eVMCS is cleared where it is announced.
            KvmAnswer written = vcpu.Vm.WriteGuestMemory(_hypervisor!.Value, block);
            return written.Ok ? Launch(aside, enlightened) : NotDecidable<VmEntryOutcome>($"the L1's memory cannot be written: {written.Errno}");
        }));
    }

    private GuestAnswer<VmEntryOutcome> Launch(Aside aside, bool enlightened)
    {
        ulong block = _hypervisor!.Value;
        KvmSregs wanted = HypervisorSregs(aside.Sregs, (uint)block);
        KvmAnswer set = vcpu.SetSregs(wanted);

        // A guest without VMX in its CPUID cannot set VMXE; it then meets #UD.
        set = set.Ok ? set : vcpu.SetSregs(wanted with { Registers = wanted.Registers with { Cr4 = Cr4Pse } });
        if (set.Ok)
        {
            set = vcpu.SetRegs(new KvmRegs { Rip = block + HypervisorBlock.CodeOffset, Rsp = block + HypervisorBlock.StackOffset, Rflags = QuietRflags });
        }

        if (!set.Ok)
        {
            return NotDecidable<VmEntryOutcome>($"the vCPU cannot be put into 32-bit mode with paging: {set.Errno}");
        }

        KvmAnswer<KvmExit> exit = vcpu.Run(RunLimit);
        if (!exit.Ok)
        {
            return NotDecidable<VmEntryOutcome>($"KVM_RUN: {exit.Errno}");
        }

        bool isInVmx = exit.Value is { Reason: KvmExitReason.Io, Port: HypervisorBlock.ExitPort or HypervisorBlock.FailPort or HypervisorBlock.InvalidPort };
        GuestAnswer<VmEntryOutcome> outcome = OutcomeOf(WithError(exit.Value, enlightened), enlightened);
        return !isInVmx || vcpu.Run(RunLimit) is { Ok: true, Value: { Reason: KvmExitReason.Io, Port: ProbePage.DonePort } } ? outcome
            : NotDecidable<VmEntryOutcome>("L1 did not leave VMX operation");
    }

    /// <summary>
    /// Before 5.14 KVM does not put the VM-instruction error into an enlightened VMCS; it keeps it in its own, which the nested state has
    /// (arch/x86/kvm/vmx/nested.c, nested_vmx_failValid, vmx_get_nested_state, 5.10).
    /// </summary>
    private KvmExit WithError(KvmExit exit, bool enlightened)
    {
        if (!enlightened || exit is not { Reason: KvmExitReason.Io, Port: HypervisorBlock.FailPort, Value: 0 })
        {
            return exit;
        }

        byte[] state = new byte[NestedStateSize];
        return vcpu.GetNestedState(state) is { Ok: true, Value: > InstructionErrorAt }
            ? exit with { Value = BinaryPrimitives.ReadUInt32LittleEndian(state.AsSpan(InstructionErrorAt)) }
            : exit;
    }

    private static GuestAnswer<VmEntryOutcome> OutcomeOf(KvmExit exit, bool enlightened) => exit switch
    {
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.ExitPort } => new((exit.Value & EntryFailure) != 0 ? VmEntryOutcome.ConsistencyExit : VmEntryOutcome.Entered),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.InvalidPort } => new(VmEntryOutcome.VmFailInvalid),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.FailPort, Value: InvalidControls } => new(VmEntryOutcome.VmFailInvalidControls),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.FailPort, Value: InvalidHostState } => new(VmEntryOutcome.VmFailInvalidHostState),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.FailPort, Value: 0 } when enlightened
            => NotDecidable<VmEntryOutcome>("VMLAUNCH failed, and KVM here does not put the VM-instruction error into an enlightened VMCS"),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.FailPort } => NotDecidable<VmEntryOutcome>($"VMLAUNCH failed with VM-instruction error {exit.Value}"),
        { Reason: KvmExitReason.Io, Port: HypervisorBlock.SetupPort } => NotDecidable<VmEntryOutcome>($"{(HypervisorBlock.Step)(byte)exit.Value} failed in L1"),
        _ => Fault<VmEntryOutcome>(exit) ?? NotDecidable<VmEntryOutcome>("L1 ended elsewhere"),
    };

    /// <summary>Runs with VMX allowed and, for an enlightened VMCS, its page announced; a guest that may have neither meets what the instructions make of that.</summary>
    private GuestAnswer<T> WithMsrs<T>(bool enlightened, Func<GuestAnswer<T>> run)
    {
        List<MsrValue> wanted = [new(MsrIndex.Ia32FeatureControl, VmxAllowed)];
        if (enlightened)
        {
            wanted.Add(new(MsrIndex.HvX64MsrVpAssistPage, (_hypervisor!.Value + HypervisorBlock.AssistOffset) | AssistPageEnabled));
        }

        List<MsrValue> before = [];
        foreach (MsrValue msr in wanted)
        {
            MsrValue[] own = [msr with { Value = 0 }];
            if (vcpu.GetMsrs(own) is { Ok: true, Value: 1 } && vcpu.SetMsrs([msr]) is { Ok: true, Value: 1 })
            {
                before.Add(own[0]);
            }
        }

        GuestAnswer<T> answer = run();
        return before.TrueForAll(msr => vcpu.SetMsrs([msr]) is { Ok: true, Value: 1 }) ? answer : NotDecidable<T>("the vCPU's MSRs could not be given back");
    }

    private bool PlaceHypervisor(in VmxControlSettings controls, bool enlightened, out byte[] block, out string reason)
    {
        block = [];
        reason = string.Empty;
        if (_hypervisor is null)
        {
            KvmAnswer<ulong> placed = vcpu.Vm.AddPrivateMemory(HypervisorBlock.Size);
            if (!placed.Ok)
            {
                reason = $"no room for an L1 in guest memory: {placed.Errno}";
                return false;
            }

            _hypervisor = placed.Value;
        }

        // Without VMX there is no such MSR, and VMXON does not come to read the revision.
        MsrValue[] basic = [new(MsrIndex.Ia32VmxBasic, 0)];
        uint revision = vcpu.GetMsrs(basic) is { Ok: true, Value: 1 } ? (uint)(basic[0].Value & RevisionBits) : 0;
        uint address = (uint)_hypervisor.Value;
        block = HypervisorBlock.Build(address, revision, VmcsValues.Of(controls, address), enlightened);
        return true;
    }

    private static KvmSregs HypervisorSregs(in KvmSregs saved, uint block)
    {
        KvmSregs flat = ProbeSregs(saved, block);
        return flat with
        {
            Registers = flat.Registers with
            {
                Gdt = new KvmDescriptorTable(block + ProbePage.GdtOffset, HypervisorBlock.GdtLimit),
                Cr0 = VmcsValues.Cr0,
                Cr3 = block + HypervisorBlock.DirectoryOffset,
                Cr4 = VmcsValues.Cr4,
            },
        };
    }
}
