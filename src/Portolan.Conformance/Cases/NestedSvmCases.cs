using System.Buffers.Binary;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_NESTED_STATE of kvm_amd: one case for each part of its predicate (contract N8).</summary>
internal static class NestedSvmCases
{
    private const int Header = NestedImage.Header;
    private const int WithData = NestedImage.WithData;
    private const int Width = 40;
    private const ulong Svme = 1UL << 12;
    private const ushort Entered = NestedImage.GuestMode | NestedImage.GifSet;

    public static IEnumerable<ConformanceCase> All() =>
    [
        Case("nested.svm.flags", "evmcs", "SVM knows no EVMCS flag", false, static () => NestedImage.Svm(NestedImage.Evmcs, Header)),
        Case("nested.svm.flags", "mtf-pending", "SVM knows no MTF_PENDING flag", false, static () => NestedImage.Svm(8, Header)),
        Case("nested.svm.flags", "gif", "GIF_SET alone is taken", true, static () => NestedImage.Svm(NestedImage.GifSet, Header)),
        Case("nested.svm.flags", "none", "GIF clear is taken with EFER.SVME", true, static () => NestedImage.Svm(0, Header)),
        WithoutSvme("gif", "Without EFER.SVME the flags are exactly GIF_SET", true, NestedImage.GifSet),
        WithoutSvme("none", "Without EFER.SVME GIF is set", false, 0),
        WithoutSvme("guest-mode", "Without EFER.SVME there is no guest mode", false, Entered),
        Case("nested.svm.vmcb-address", "unaligned", "The VMCB is aligned to a page", false, static () => NestedImage.Svm(Entered, WithData, vmcb: 0x1010)),
        Case("nested.svm.vmcb-address", "beyond-width", "The VMCB lies within the guest's physical-address width", false, static () => NestedImage.Svm(Entered, WithData, vmcb: 1UL << Width)),
        Case("nested.svm.size", "", "Guest mode brings its VMCB", false, static () => NestedImage.Svm(Entered, Header)),
        Case("nested.svm.control", "intercept", "The VMCB intercepts VMRUN", false, static () => Edited(static data => data[0x10] = 0)),
        Case("nested.svm.control", "asid", "The VMCB has an ASID", false, static () => Edited(static data => data[0x58] = 0)),
        Case("nested.svm.l1", "cr0-pe", "L1's saved CR0 has PE", false, static () => Edited(static data => BinaryPrimitives.WriteUInt64LittleEndian(data[0x558..], 0x80000010))),
        Case("nested.svm.l1", "cr0-pg", "L1's saved CR0 has PG", false, static () => Edited(static data => BinaryPrimitives.WriteUInt64LittleEndian(data[0x558..], 0x11))),
        Case("nested.svm.l1", "svme", "L1's saved EFER has SVME", false, static () => Edited(static data => BinaryPrimitives.WriteUInt64LittleEndian(data[0x4d0..], 0xd01))),
        Case("nested.svm.l1", "cr0-upper", "L1's saved CR0[63:32] is 0", false, static () => Edited(static data => data[0x558 + 4] = 1)),
        ConformanceCase.Of("nested.svm.smm", "", "Guest mode cannot be entered in SMM", [CaseNeed.Svm, CaseNeed.Capability("KVM_CAP_NESTED_STATE"), CaseNeed.Capability("KVM_CAP_X86_SMM")], static run =>
        {
            if (Machine(run, svme: true) is { } vcpu && run.Has("KVM_GET_VCPU_EVENTS", vcpu.Cpu.GetVcpuEvents(), out KvmVcpuEvents events)
                && run.Takes("KVM_SET_VCPU_EVENTS in SMM", vcpu.Cpu.SetVcpuEvents(events with { Smm = 1, Flags = events.Flags | 8 })))
            {
                run.Refuses("KVM_SET_NESTED_STATE in guest mode", vcpu.Cpu.SetNestedState(NestedImage.Svm(Entered, WithData)));
            }
        }),
        new("nested.svm/round-trip", ["N3", "N8"], "KVM_GET_NESTED_STATE answers the GIF that KVM_SET_NESTED_STATE loaded", [CaseNeed.Svm, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], static run =>
        {
            byte[] got = new byte[WithData];
            if (Machine(run, svme: true) is { } vcpu && run.Takes("KVM_SET_NESTED_STATE with GIF clear", vcpu.Cpu.SetNestedState(NestedImage.Svm(0, Header)))
                && run.Has("KVM_GET_NESTED_STATE", vcpu.Cpu.GetNestedState(got), out int size))
            {
                run.Equal("size", Header, size);
                run.Equal("flags", 0, BinaryPrimitives.ReadUInt16LittleEndian(got));
            }
        }),
    ];

    private delegate void Spoiler(Span<byte> vmcb);

    private static byte[] Edited(Spoiler spoil)
    {
        byte[] state = NestedImage.Svm(Entered, WithData);
        spoil(state.AsSpan(Header));
        return state;
    }

    private static CaseVcpu? Machine(CaseRun run, bool svme)
    {
        CpuidTable table = run.Table("svm, address width 40", static table
            => CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic).With(0x80000008, 0, table.GetOrZero(0x80000008) with { Eax = 48 << 8 | Width }));
        return run.Vcpu(table) is { } vcpu
            && (!svme || run.Takes("KVM_SET_SREGS with EFER.SVME", vcpu.SetSregs(static registers => registers with { Efer = registers.Efer | Svme }))) ? vcpu : null;
    }

    private static ConformanceCase Case(string clause, string variant, string statement, bool taken, Func<byte[]> state)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Svm, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], run =>
        {
            if (Machine(run, svme: true) is { } vcpu)
            {
                run.Expect("KVM_SET_NESTED_STATE", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetNestedState(state()));
            }
        });

    private static ConformanceCase WithoutSvme(string variant, string statement, bool taken, ushort flags)
        => ConformanceCase.Of("nested.svm.svme", variant, statement, [CaseNeed.Svm, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], run =>
        {
            if (Machine(run, svme: false) is { } vcpu)
            {
                run.Expect($"KVM_SET_NESTED_STATE with flags 0x{flags:x}", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetNestedState(NestedImage.Svm(flags, flags == Entered ? WithData : Header)));
            }
        });
}
