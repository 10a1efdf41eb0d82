using System.Buffers.Binary;
using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>One field of a VMCS and what it is set to.</summary>
/// <param name="Field">The encoding (SDM vol. 3D, appendix B).</param>
/// <param name="Value">The value.</param>
internal readonly record struct VmcsValue(ushort Field, ulong Value);

/// <summary>
/// The VMCS of an L2 that runs in the same flat 32-bit mode with paging as its L1: the least that VM entry checks ask for besides the
/// controls (SDM vol. 3C, 28.2 and 28.3).
/// </summary>
internal static class VmcsValues
{
    /// <summary>VM-instruction error.</summary>
    internal const ushort InstructionError = 0x4400;

    /// <summary>Exit reason.</summary>
    internal const ushort ExitReason = 0x4402;

    /// <summary>The last byte of a task-state segment.</summary>
    internal const uint TssLimit = 0x67;

    /// <summary>CR0.PG, NE, ET, PE: what VMX operation wants (SDM vol. 3D, A.7).</summary>
    internal const ulong Cr0 = 0x80000031;

    /// <summary>CR4.PSE and VMXE.</summary>
    internal const ulong Cr4 = 0x2010;

    private const uint EnlightenedRevision = 1; // KVM_EVMCS_VERSION, arch/x86/kvm/vmx/hyperv_evmcs.h (6.12)
    private const int EnlightenVmEntryAt = 40; // struct hv_vp_assist_page, include/hyperv/hvgdk_mini.h (7.3)
    private const int CurrentNestedVmcsAt = 48;
    private const uint FlatLimit = uint.MaxValue;
    private const uint CodeRights = 0xc09b;
    private const uint DataRights = 0xc093;
    private const uint TssRights = 0x8b;
    private const uint Unusable = 0x10000;
    private const ulong PowerOnPat = 0x0007_0406_0007_0406;
    private const ulong PowerOnDr7 = 0x400;
    private const ulong QuietRflags = 2;
    private const ushort HighHalf = 1;

    /// <summary>Where an enlightened VMCS has a field.</summary>
    internal static int OffsetOf(ushort field) => FieldOf(field).Offset ?? throw new InvalidOperationException($"eVMCS has no place for VMCS {field:X4}H");

    /// <summary>Every field that a launch needs.</summary>
    /// <param name="controls">The controls.</param>
    /// <param name="address">Where the block lies.</param>
    internal static IReadOnlyList<VmcsValue> Of(in VmxControlSettings controls, uint address) =>
    [
        .. Controls(controls), .. GuestSegments(address), .. GuestState(address), .. HostState(address),
    ];

    /// <summary>Writes the list that L1 goes through, two words for each VMWRITE; answers how many there are.</summary>
    internal static int List(Span<byte> list, IReadOnlyList<VmcsValue> values)
    {
        int count = 0;
        foreach (VmcsValue value in values)
        {
            Write(list, count++, value.Field, unchecked((uint)value.Value));
            if (FieldWidth(value.Field) == 1)
            {
                Write(list, count++, (ushort)(value.Field | HighHalf), (uint)(value.Value >> 32));
            }
        }

        return count;
    }

    /// <summary>Fills an enlightened VMCS, no field of it clean, and the page that says which one is current.</summary>
    internal static void Enlighten(Span<byte> evmcs, Span<byte> assist, IReadOnlyList<VmcsValue> values, ulong address)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(evmcs, EnlightenedRevision);
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        foreach (VmcsValue value in values)
        {
            EvmcsField field = FieldOf(value.Field);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value.Value);
            bytes[..field.Width].CopyTo(evmcs[OffsetOf(value.Field)..]);
        }

        assist[EnlightenVmEntryAt] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(assist[CurrentNestedVmcsAt..], address);
    }

    private static EvmcsField FieldOf(ushort field) => EvmcsFields.Find(field) ?? throw new InvalidOperationException($"data/x86/evmcs.tsv has no VMCS {field:X4}H");

    private static int FieldWidth(ushort field) => field >> 13 & 3;

    private static void Write(Span<byte> list, int at, ushort field, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(list[(at * 2 * sizeof(uint))..], field);
        BinaryPrimitives.WriteUInt32LittleEndian(list[((at * 2 + 1) * sizeof(uint))..], value);
    }

    /// <summary>Masks, shadows, bitmaps and counts are zero; a VPID and no shadow VMCS.</summary>
    private static IEnumerable<VmcsValue> Controls(VmxControlSettings controls)
    {
        yield return new(0x0000, 1); // VPID
        yield return new(0x4000, controls.PinBased);
        yield return new(0x4002, controls.Primary);
        yield return new(0x401e, controls.Secondary);
        yield return new(0x400c, controls.Exit);
        yield return new(0x4012, controls.Entry);
        yield return new(0x2800, ulong.MaxValue); // VMCS link pointer
        ushort[] zero =
        [
            0x4004, 0x4006, 0x4008, 0x400a, // exception bitmap, page-fault mask and match, CR3-target count
            0x400e, 0x4010, 0x4014, 0x4016, 0x401c, // MSR counts, event to inject, TPR threshold
            0x6000, 0x6002, 0x6004, 0x6006, // CR0 and CR4: guest/host masks, read shadows
        ];
        foreach (ushort field in zero)
        {
            yield return new(field, 0);
        }
    }

    private static IEnumerable<VmcsValue> GuestSegments(uint address)
    {
        const ushort Selector = 0x0800;
        const ushort Limit = 0x4800;
        const ushort Rights = 0x4814;
        const ushort Base = 0x6806;
        const int Ldtr = 6;
        const int Tr = 7;
        for (int segment = 0; segment <= Tr; segment++)
        {
            (ushort selector, uint limit, uint rights, ulong start) = segment switch
            {
                1 => (ProbePage.CodeSelector, FlatLimit, CodeRights, 0UL),
                Ldtr => ((ushort)0, 0U, Unusable, 0UL),
                Tr => (HypervisorBlock.TssSelector, TssLimit, TssRights, (ulong)(address + HypervisorBlock.TssOffset)),
                _ => (ProbePage.DataSelector, FlatLimit, DataRights, 0UL),
            };
            yield return new((ushort)(Selector + 2 * segment), selector);
            yield return new((ushort)(Limit + 2 * segment), limit);
            yield return new((ushort)(Rights + 2 * segment), rights);
            yield return new((ushort)(Base + 2 * segment), start);
        }
    }

    /// <summary>L2 has no IDT: what goes wrong there is a triple fault, and exits.</summary>
    private static IEnumerable<VmcsValue> GuestState(uint address) =>
    [
        new(0x2802, 0), // IA32_DEBUGCTL
        new(0x2804, PowerOnPat),
        new(0x2806, 0), // IA32_EFER
        new(0x4810, HypervisorBlock.GdtLimit),
        new(0x4812, 0),
        new(0x4824, 0), // interruptibility
        new(0x4826, 0), // active
        new(0x482a, 0), // IA32_SYSENTER_CS
        new(0x6800, Cr0),
        new(0x6802, address + HypervisorBlock.DirectoryOffset),
        new(0x6804, Cr4),
        new(0x6816, address + ProbePage.GdtOffset),
        new(0x6818, address + ProbePage.IdtOffset),
        new(0x681a, PowerOnDr7),
        new(0x681c, address + HypervisorBlock.StackOffset),
        new(0x681e, address + HypervisorBlock.NestedCodeOffset),
        new(0x6820, QuietRflags),
        new(0x6822, 0), // pending debug exceptions
        new(0x6824, 0), // IA32_SYSENTER_ESP
        new(0x6826, 0), // IA32_SYSENTER_EIP
    ];

    private static IEnumerable<VmcsValue> HostState(uint address) =>
    [
        new(0x0c00, ProbePage.DataSelector),
        new(0x0c02, ProbePage.CodeSelector),
        new(0x0c04, ProbePage.DataSelector),
        new(0x0c06, ProbePage.DataSelector),
        new(0x0c08, ProbePage.DataSelector),
        new(0x0c0a, ProbePage.DataSelector),
        new(0x0c0c, HypervisorBlock.TssSelector),
        new(0x2c00, PowerOnPat),
        new(0x2c02, 0), // IA32_EFER
        new(0x4c00, 0), // IA32_SYSENTER_CS
        new(0x6c00, Cr0),
        new(0x6c02, address + HypervisorBlock.DirectoryOffset),
        new(0x6c04, Cr4),
        new(0x6c06, 0), // FS base
        new(0x6c08, 0), // GS base
        new(0x6c0a, address + HypervisorBlock.TssOffset),
        new(0x6c0c, address + ProbePage.GdtOffset),
        new(0x6c0e, address + ProbePage.IdtOffset),
        new(0x6c10, 0), // IA32_SYSENTER_ESP
        new(0x6c12, 0), // IA32_SYSENTER_EIP
        new(0x6c14, address + HypervisorBlock.StackOffset),
        new(0x6c16, address + HypervisorBlock.ExitOffset),
    ];
}
