using Portolan.Kvm.State;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Kvm.Model.Registers;

/// <summary>The registers of a new vCPU (SDM vol. 3A, table 10-1; arch/x86/kvm/x86.c kvm_vcpu_reset).</summary>
internal static class ResetState
{
    private const ulong ResetRip = 0xfff0;
    private const uint ResetFamily = 0x600;
    private const ulong ApicDefaultBase = 0xfee00000;
    private const ushort CodeSelector = 0xf000;
    private const ulong CodeBase = 0xffff0000;
    private const byte CodeType = 0xb;
    private const byte DataType = 3;
    private const byte LdtType = 2;
    private const byte BusyTask16 = 3;
    private static readonly KvmSegment Data = new(0, ushort.MaxValue, 0, DataType, 1, 0, 0, 1, 0, 0, 0, 0);
    private static readonly KvmSegment Code = new(CodeBase, ushort.MaxValue, CodeSelector, CodeType, 1, 0, 0, 1, 0, 0, 0, 0);
    private static readonly KvmSegment Task = new(0, ushort.MaxValue, 0, CodeType, 1, 0, 0, 0, 0, 0, 0, 0);
    private static readonly KvmSegment Ldt = new(0, ushort.MaxValue, 0, LdtType, 1, 0, 0, 0, 0, 0, 0, 0);
    private static readonly KvmDescriptorTable Table = new(0, ushort.MaxValue);

    private static readonly KvmSystemRegisters Bootstrap = new(
        Code, Data, Data, Data, Data, Data, Task, Ldt, Table, Table, Cr0Cd | Cr0Nw | Cr0Et, 0, 0, 0, 0, 0, ApicDefaultBase | ApicBaseEnable | ApicBaseBsp);

    /// <summary>kvm_amd leaves the accessed bits of CS and SS alone and has a 16-bit task segment (arch/x86/kvm/svm/svm.c init_vmcb, svm_get_segment).</summary>
    private static readonly KvmSystemRegisters SvmBootstrap = Bootstrap with
    {
        Cs = Code with { Type = CodeType & ~1 },
        Ss = Data with { Type = DataType & ~1 },
        Tr = Task with { Type = BusyTask16 },
    };

    private static readonly KvmSystemRegisters Application = Bootstrap with { ApicBase = ApicDefaultBase | ApicBaseEnable };

    /// <summary>DR6 and DR7 after reset.</summary>
    public static KvmDebugRegs Debug { get; } = new(0, 0, 0, 0, 0xffff0ff0, 0x400, 0);

    /// <summary>
    /// General registers. RDX says the family of the CPU: a vCPU is reset when it is made, before it has a CPUID that could say another.
    /// </summary>
    public static KvmRegs General { get; } = new(0, 0, 0, ResetFamily, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ResetRip, VcpuRegisters.RflagsFixed);

    /// <summary>Does a bootstrap vCPU stand at the reset vector (arch/x86/kvm/x86.c __set_sregs_common)?</summary>
    public static bool IsAtReset(in KvmSystemRegisters registers, ulong rip)
        => (registers.ApicBase & ApicBaseBsp) != 0 && rip == ResetRip && registers.Cs is { Selector: CodeSelector, Base: CodeBase } && (registers.Cr0 & Cr0Pe) == 0;

    /// <summary>System registers.</summary>
    /// <param name="isBootstrap">Is it the vCPU with id 0?</param>
    /// <param name="isSvm">Is the vendor module kvm_amd?</param>
    public static KvmSystemRegisters System(bool isBootstrap, bool isSvm = false)
    {
        KvmSystemRegisters registers = isSvm ? SvmBootstrap : Bootstrap;
        return isBootstrap ? registers : registers with { ApicBase = Application.ApicBase };
    }
}
