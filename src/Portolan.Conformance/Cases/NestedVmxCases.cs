using System.Buffers.Binary;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_NESTED_STATE of kvm_intel: one case for each part of its predicate (contract N5 to N7, E14).</summary>
internal static class NestedVmxCases
{
    private const int Header = NestedImage.Header;
    private const int WithData = NestedImage.WithData;
    private const int Width = 40;

    public static IEnumerable<ConformanceCase> All() =>
    [
        Case("nested.vmx.no-vmxon", "empty", "Without VMXON the empty state is taken", true, static () => NestedImage.Vmx(0, Header)),
        Case("nested.vmx.no-vmxon", "vmcs", "Without VMXON there is no VMCS", false, static () => NestedImage.Vmx(0, WithData, vmcs12: 0x2000)),
        Case("nested.vmx.no-vmxon", "smm", "Without VMXON there is no SMM state", false, static () => NestedImage.Vmx(0, Header, smm: 2)),
        Case("nested.vmx.no-vmxon", "guest-mode", "Without VMXON there is no guest mode", false, static () => NestedImage.Vmx(NestedImage.GuestMode, Header)),
        Case("nested.vmx.no-vmxon", "run-pending", "Without VMXON nothing is pending", false, static () => NestedImage.Vmx(NestedImage.GuestMode | NestedImage.RunPending, Header)),
        Case("nested.vmx.vmxon-address", "legal", "VMXON at a page is taken", true, static () => NestedImage.Vmx(0, Header, vmxon: 0x1000)),
        Case("nested.vmx.vmxon-address", "unaligned", "The VMXON region is aligned to a page", false, static () => NestedImage.Vmx(0, Header, vmxon: 0x1001)),
        Case("nested.vmx.vmxon-address", "beyond-width", "The VMXON region lies within the guest's physical-address width", false, static () => NestedImage.Vmx(0, Header, vmxon: 1UL << Width)),
        Case("nested.vmx.vmxon-address", "bit-63", "The VMXON region lies within the guest's physical-address width", false, static () => NestedImage.Vmx(0, Header, vmxon: 1UL << 63)),
        WithoutVmx("nested.vmx.cpuid", "", "VMXON needs VMX in the guest CPUID", static () => NestedImage.Vmx(0, Header, vmxon: 0x1000)),
        Case("nested.vmx.smm", "guest-mode", "SMM guest mode and guest mode exclude each other", false, static () => NestedImage.Vmx(NestedImage.GuestMode, WithData, 0x1000, 0x2000, smm: 3)),
        Case("nested.vmx.smm", "reserved", "The SMM flags are known", false, static () => NestedImage.Vmx(0, Header, 0x1000, smm: 4)),
        Case("nested.vmx.smm", "guest-mode-without-vmxon", "SMM guest mode needs SMM VMXON", false, static () => NestedImage.Vmx(0, Header, 0x1000, smm: 1)),
        Case("nested.vmx.smm", "outside-smm", "Outside SMM there is no SMM state", false, static () => NestedImage.Vmx(0, Header, 0x1000, smm: 2)),
        Case("nested.vmx.header-flags", "reserved", "The VMX header has no flag but bit 0", false, static () => NestedImage.Vmx(0, Header, 0x1000, headerFlags: 2)),
        Case("nested.vmx.header-flags", "bit-31", "The VMX header has no flag but bit 0", false, static () => NestedImage.Vmx(0, Header, 0x1000, headerFlags: 1U << 31)),
        Case("nested.vmx.evmcs", "not-enabled", "The EVMCS flag needs eVMCS enabled on the vCPU", false, static () => NestedImage.Vmx(NestedImage.Evmcs, WithData, 0x1000)),
        WithoutVmx("nested.vmx.evmcs", "cpuid", "The EVMCS flag needs VMX in the guest CPUID", static () => NestedImage.Vmx(NestedImage.Evmcs, Header)),
        EvmcsFlag("nested.vmx.evmcs", "without-vmxon", "The EVMCS flag alone is taken without VMXON once eVMCS is enabled", static () => NestedImage.Vmx(NestedImage.Evmcs, Header), taken: true),
        Case("nested.vmx.vmcs12-size", "guest-mode", "Guest mode brings its VMCS", false, static () => NestedImage.Vmx(NestedImage.GuestMode, Header, 0x1000, 0x2000)),
        Case("nested.vmx.vmcs12-size", "current", "A current VMCS brings its 4096 bytes", false, static () => NestedImage.Vmx(0, Header, 0x1000, 0x2000)),
        Case("nested.vmx.vmcs12-address", "vmxon", "The VMCS is not the VMXON region", false, static () => NestedImage.Vmx(0, WithData, 0x1000, 0x1000)),
        Case("nested.vmx.vmcs12-address", "unaligned", "The VMCS is aligned to a page", false, static () => NestedImage.Vmx(0, WithData, 0x1000, 0x2010)),
        Case("nested.vmx.vmcs12-address", "beyond-width", "The VMCS lies within the guest's physical-address width", false, static () => NestedImage.Vmx(0, WithData, 0x1000, 1UL << Width)),
        Case("nested.vmx.vmcs12-address", "none", "Data without a VMCS need the EVMCS flag", false, static () => NestedImage.Vmx(0, WithData, 0x1000)),
        Case("nested.vmx.vmcs12-revision", "zero", "The VMCS revision is KVM's", false, static () => NestedImage.Vmx(0, WithData, 0x1000, 0x2000, revision: 0)),
        Case("nested.vmx.vmcs12-revision", "shadow", "The shadow bit of a current VMCS is not looked at: the revision is bits 30:0", true, static () => NestedImage.Vmx(0, WithData, 0x1000, 0x2000, revision: NestedImage.Revision | 1U << 31)),
        Case("nested.vmx.vmcs12-revision", "legal", "A current VMCS outside guest mode is taken whatever it holds", true, static () => NestedImage.Vmx(0, WithData, 0x1000, 0x2000)).Also("N7"),
        Case("nested.vmx.consistency", "no-controls", "In guest mode a VMCS without a must-be-one control is refused", false, static () => NestedImage.Vmx(NestedImage.GuestMode, WithData, 0x1000, 0x2000)),
        Case("nested.vmx.consistency", "reserved-controls", "In guest mode a VMCS with controls that no CPU has is refused", false, static () => Controls(NestedImage.Vmx(NestedImage.GuestMode, WithData, 0x1000, 0x2000), uint.MaxValue)),
        Case("nested.vmx.shadow", "", "In guest mode a linked shadow VMCS brings its data", false, Shadowing),
        RoundTrip(),
        ConformanceCase.Of("sregs.vmxe-under-vmxon", "", "CR4.VMXE stays 1 while VMXON", [CaseNeed.Vmx], static run =>
        {
            if (run.Vcpu(Guest(run)) is { } vcpu
                && run.Takes("KVM_SET_SREGS with CR4.VMXE", vcpu.SetSregs(static r => r with { Cr0 = 0x80000031, Cr3 = 0x1000, Cr4 = r.Cr4 | 1UL << 13 }))
                && run.Takes("KVM_SET_NESTED_STATE with VMXON", vcpu.Cpu.SetNestedState(NestedImage.Vmx(0, Header, vmxon: 0x1000))))
            {
                run.Refuses("KVM_SET_SREGS without CR4.VMXE", vcpu.SetSregs(static r => r with { Cr4 = r.Cr4 & ~(1UL << 13) }));
            }
        }),
    ];

    /// <summary>Everything with a physical-address width of 40.</summary>
    private static CpuidTable Guest(CaseRun run) => run.Table("vmx, address width 40", static table
        => CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic).With(0x80000008, 0, table.GetOrZero(0x80000008) with { Eax = 48 << 8 | Width }));

    private static ConformanceCase Case(string clause, string variant, string statement, bool taken, Func<byte[]> state)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Vmx, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], run =>
        {
            if (run.Vcpu(Guest(run)) is { } vcpu)
            {
                run.Expect("KVM_SET_NESTED_STATE", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetNestedState(state()));
            }
        });

    private static ConformanceCase WithoutVmx(string clause, string variant, string statement, Func<byte[]> state)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Vmx, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], run =>
        {
            if (run.Vcpu(run.Without("vmx")) is { } vcpu)
            {
                run.Refuses("KVM_SET_NESTED_STATE", vcpu.Cpu.SetNestedState(state()));
            }
        });

    private static ConformanceCase EvmcsFlag(string clause, string variant, string statement, Func<byte[]> state, bool taken)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Evmcs, CaseNeed.Behaviour("nested.evmcs-flag-without-vmxon", "tolerated")], run =>
        {
            if (run.Vcpu(Guest(run)) is { } vcpu && run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue()))
            {
                run.Expect("KVM_SET_NESTED_STATE", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetNestedState(state()));
            }
        });

    private static byte[] Controls(byte[] state, uint value)
    {
        foreach (int at in (int[])[744, 748, 768, 780])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(Header + at), value);
        }

        return state;
    }

    /// <summary>VMCS shadowing on and a link pointer to a VMCS whose data are missing.</summary>
    private static byte[] Shadowing()
    {
        byte[] state = NestedImage.Vmx(NestedImage.GuestMode, WithData, 0x1000, 0x2000);
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(Header + 748), 1U << 31);
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(Header + 804), 1U << 14);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(Header + 168), 0x3000);
        return state;
    }

    private static ConformanceCase RoundTrip()
        => new("nested.vmx/round-trip", ["N3", "N5"], "KVM_GET_NESTED_STATE answers the VMXON and VMCS addresses that KVM_SET_NESTED_STATE loaded", [CaseNeed.Vmx, CaseNeed.Capability("KVM_CAP_NESTED_STATE")], static run =>
        {
            byte[] got = new byte[WithData + 4096];
            if (run.Vcpu(Guest(run)) is { } vcpu && run.Takes("KVM_SET_NESTED_STATE with a VMCS", vcpu.Cpu.SetNestedState(NestedImage.Vmx(0, WithData, 0x1000, 0x2000)))
                && run.Has("KVM_GET_NESTED_STATE", vcpu.Cpu.GetNestedState(got), out int size))
            {
                run.Check(size >= WithData, $"{WithData} bytes or more", $"{size} bytes");
                run.Equal("VMXON region", 0x1000UL, BinaryPrimitives.ReadUInt64LittleEndian(got.AsSpan(8)));
                run.Equal("VMCS", 0x2000UL, BinaryPrimitives.ReadUInt64LittleEndian(got.AsSpan(16)));
                run.Equal("revision", NestedImage.Revision, BinaryPrimitives.ReadUInt32LittleEndian(got.AsSpan(Header)));
            }
        });
}
