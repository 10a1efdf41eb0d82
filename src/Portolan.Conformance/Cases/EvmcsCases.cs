using System.Numerics;
using Portolan.Conformance.Evmcs;
using Portolan.Kvm.Behaviours;
using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;
using Design = Portolan.Kvm.Behaviours.EvmcsDesign;

namespace Portolan.Conformance.Cases;

/// <summary>Enlightened VMCS: enabling it, what the guest then reads, and entry through it (contract E1 to E14).</summary>
internal static class EvmcsCases
{
    private const uint ActivateSecondary = 1U << 31; // of the primary controls
    private const ushort Version = EvmcsGuests.Version;
    private const uint Nested = EvmcsGuests.NestedLeaf;
    private const uint RecommendsEvmcs = 1U << 14;

    private static readonly CaseNeed Absent = new("no eVMCS", static run => run.Capability("KVM_CAP_HYPERV_ENLIGHTENED_VMCS") switch
    {
        null => "it is not known whether KVM here has eVMCS",
        0 => null,
        _ => "KVM here has eVMCS",
    });

    private static readonly uint[] Filtered =
    [
        MsrIndex.Ia32VmxPinbasedCtls, MsrIndex.Ia32VmxProcbasedCtls, MsrIndex.Ia32VmxExitCtls, MsrIndex.Ia32VmxEntryCtls, MsrIndex.Ia32VmxProcbasedCtls2,
        MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxTrueEntryCtls, MsrIndex.Ia32VmxVmfunc,
    ];

    public static IEnumerable<ConformanceCase> All() => [.. Enabling(), .. Visible(), .. Others(), .. Entry()];

    private static IEnumerable<ConformanceCase> Enabling() =>
    [
        ConformanceCase.Of("evmcs.enable.absent", "", "eVMCS cannot be enabled where KVM does not have it", [Absent], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                KvmAnswer<ushort> answer = vcpu.Cpu.EnableEnlightenedVmcs();
                run.Check(answer.Errno is Errno.EINVAL or Errno.ENOTTY, "KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS): EINVAL or ENOTTY", $"KVM_ENABLE_CAP: {answer}");
            }
        }),
        Case("evmcs.enable.target", "version", "Enabling eVMCS answers the version word, oldest and newest version 1", static (run, vcpu) =>
        {
            if (run.Has("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs(), out ushort version))
            {
                run.Equal("version word", (uint)Version, version);
            }
        }).Also("E1"),
        Case("evmcs.enable.target", "", "Without a place for the version word the ioctl answers EFAULT, and eVMCS is enabled nevertheless", static (run, vcpu) =>
        {
            run.Expect("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS) without a target", Errno.EFAULT, vcpu.Cpu.EnableCapability(KvmCapability.HypervEnlightenedVmcs));
            if (run.Has("KVM_GET_SUPPORTED_HV_CPUID of the vCPU", vcpu.Cpu.GetSupportedHvCpuid(), out CpuidTable table))
            {
                run.Equal("CPUID.4000000AH:EAX[15:0]", (uint)Version, table.GetOrZero(Nested).Eax & ushort.MaxValue);
            }
        }),
        Case("evmcs.enable.target", "twice", "Enabling eVMCS again answers the same", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue())
                && run.Has("the same again", vcpu.Cpu.EnableEnlightenedVmcs(), out ushort version) && run.Equal("version word", (uint)Version, version);
        }),
        Case("evmcs.enable.target", "leaf", "The vCPU's Hyper-V CPUID shows the version once eVMCS is enabled, and not before", static (run, vcpu) =>
        {
            if (!run.Has("KVM_GET_SUPPORTED_HV_CPUID", vcpu.Cpu.GetSupportedHvCpuid(), out CpuidTable before) || !run.Takes("KVM_ENABLE_CAP", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue())
                || !run.Has("KVM_GET_SUPPORTED_HV_CPUID", vcpu.Cpu.GetSupportedHvCpuid(), out CpuidTable after))
            {
                return;
            }

            run.Equal("CPUID.4000000AH:EAX[15:0] before", 0U, before.GetOrZero(Nested).Eax & ushort.MaxValue);
            run.Equal("CPUID.4000000AH:EAX[15:0] after", (uint)Version, after.GetOrZero(Nested).Eax & ushort.MaxValue);
            run.Equal("CPUID.40000004H:EAX[14] before", 0U, before.GetOrZero(0x40000004).Eax & RecommendsEvmcs);
            run.Equal("CPUID.40000004H:EAX[14] after", RecommendsEvmcs, after.GetOrZero(0x40000004).Eax & RecommendsEvmcs);
        }).Also("E2", "E18"),
        Case("evmcs.enable.revision", "", "A requested revision is known to no released kernel", static (run, vcpu) =>
        {
            if (run.Behaviours.EvmcsDesign is not (null or Design.PvBit))
            {
                run.Undecided("evmcs.design is another than the merged one here");
                return;
            }

            run.Refuses("KVM_ENABLE_CAP with revision 2022", vcpu.Cpu.EnableEnlightenedVmcs(2022).WithoutValue());
        }).Also("E10"),
        Case("evmcs.filtered-msrs.absent", "", "KVM_GET_EVMCS_VMX_MSRS does not exist on a released kernel", static (run, vcpu) =>
        {
            if (run.Behaviours.EvmcsDesign is not (null or Design.PvBit))
            {
                run.Undecided("evmcs.design is another than the merged one here");
                return;
            }

            run.Expect("KVM_GET_EVMCS_VMX_MSRS", Errno.ENOTTY, vcpu.Cpu.GetEvmcsVmxMsrs(new MsrValue[1]).WithoutValue());
        }).Also("E10"),
    ];

    private static ConformanceCase Case(string clause, string variant, string statement, Action<CaseRun, CaseVcpu> body)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Evmcs], run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                body(run, vcpu);
            }
        });

    /// <summary>Everything, with the Hyper-V interface and CPUID.4000000AH:EBX[0] as asked.</summary>
    private static CpuidTable Enlightened(CaseRun run, bool perfGlobalCtrl) => run.Table($"enlightened {perfGlobalCtrl}", table
        => EvmcsGuests.Table(table, perfGlobalCtrl ? HypervLeaves.WithPerfGlobalCtrl : HypervLeaves.WithoutPerfGlobalCtrl));

    private static IEnumerable<ConformanceCase> Visible()
    {
        foreach (uint index in Filtered)
        {
            foreach (bool perfGlobalCtrl in (bool[])[false, true])
            {
                string name = KnownMsrs.Describe(index);
                yield return new ConformanceCase($"evmcs.visible/{index:x}-{(perfGlobalCtrl ? "ebx-1" : "ebx-0")}", ["E6", "E7", "E13"],
                    "What the guest reads of a VMX capability MSR once eVMCS is enabled: the filter of this kernel, by CPUID.4000000AH:EBX[0]", [CaseNeed.Evmcs], run =>
                {
                    if (FilterOf(run) is not { } filter || run.Vcpu(Enlightened(run, perfGlobalCtrl)) is not { } vcpu
                        || !run.Has($"KVM_GET_MSRS of {name} before", vcpu.GetMsr(index), out ulong own)
                        || !run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue())
                        || !run.Has($"KVM_GET_MSRS of {name} after", vcpu.GetMsr(index), out ulong host))
                    {
                        return;
                    }

                    if (run.Behaviours.EvmcsFilterSees == EvmcsFilterSees.Guest)
                    {
                        run.Equal($"{name} as the VMM reads it after enabling", own, host);
                        run.Guest($"RDMSR of {name}", vcpu.Cpu.Guest.Rdmsr(index), filter.Visible(perfGlobalCtrl, index, own));
                    }
                    else
                    {
                        run.Guest($"RDMSR of {name}", vcpu.Cpu.Guest.Rdmsr(index), host);
                    }
                });
            }
        }

        yield return new("evmcs.visible/without-hyperv-leaf", ["E13"], "Without the Hyper-V interface in the guest CPUID the filter applies at the capability alone, or not at all", [CaseNeed.Evmcs], static run =>
        {
            const uint Index = MsrIndex.Ia32VmxTruePinbasedCtls;
            if (FilterOf(run) is not { } filter || run.Behaviours.EvmcsFilterWhen is not { } when || run.Behaviours.EvmcsFilterSees is not EvmcsFilterSees.Guest)
            {
                run.Undecided("the snapshot does not say evmcs.filter-when, or the filter rewrites the vCPU's own MSRs");
                return;
            }

            CpuidTable plain = run.Table("no hypervisor leaves", static table => EvmcsGuests.Table(table, HypervLeaves.None));
            if (run.Vcpu(plain) is { } vcpu && run.Has("KVM_GET_MSRS of MSR 48DH", vcpu.GetMsr(Index), out ulong own)
                && run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue()))
            {
                run.Guest("RDMSR of MSR 48DH", vcpu.Cpu.Guest.Rdmsr(Index), when == EvmcsFilterWhen.Capability ? filter.Visible(false, Index, own) : own);
            }
        });
        yield return new("evmcs.visible/restored-unfiltered", ["M8", "E12"], "A VMX capability MSR can be restored to the host's maximum after eVMCS was enabled", [CaseNeed.Evmcs], static run =>
        {
            const uint Index = MsrIndex.Ia32VmxTruePinbasedCtls;
            if (run.Maximum(Index) is not { } maximum || run.Behaviours.EvmcsFilterSees is not EvmcsFilterSees.Guest)
            {
                run.Undecided("the snapshot does not say MSR 48DH, or the filter rewrites the vCPU's own MSRs");
            }
            else if (run.Vcpu(Enlightened(run, false)) is { } vcpu && run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue()))
            {
                run.Takes($"KVM_SET_MSRS of MSR 48DH = 0x{maximum:x}", vcpu.SetMsr(Index, maximum));
            }
        });
    }

    private static EvmcsFilterSet? FilterOf(CaseRun run)
    {
        if (run.Behaviours.EvmcsSpan is { } known)
        {
            return EvmcsFilterSets.Of(known);
        }

        run.Undecided("the snapshot does not say evmcs.filter");
        return null;
    }

    private static IEnumerable<ConformanceCase> Others() =>
    [
        ConformanceCase.Of("vmx.not-in-cpuid", "", "VMX instructions raise #UD in a guest without VMX in its CPUID", [CaseNeed.Vmx], static run =>
        {
            if (run.Vcpu(run.Without("vmx")) is { } vcpu)
            {
                run.Guest("VMLAUNCH", vcpu.Cpu.Guest.VmEntry(default, enlightened: false), default, GuestFault.UD);
            }
        }),
        ConformanceCase.Of("evmcs.entry.not-enabled", "", "An enlightened VMCS cannot be used before eVMCS was enabled", [CaseNeed.Evmcs], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && Least(run) is { } least)
            {
                run.Guest("VMLAUNCH through an enlightened VMCS", vcpu.Cpu.Guest.VmEntry(least, enlightened: true), VmEntryOutcome.VmFailInvalid);
            }
        }),
    ];

    private static VmxControlSettings? Least(CaseRun run)
    {
        if (run.Host.FeatureMsrs is { } features && VmxCapabilitiesReader.TryRead(features.Value, out VmxCapabilities maxima, out _))
        {
            return new(maxima.TruePinBased.MustBeOne, maxima.TruePrimary.MustBeOne, 0, maxima.TrueExit.MustBeOne, maxima.TrueEntry.MustBeOne, 0);
        }

        run.Undecided("the snapshot does not have the VMX capability MSRs");
        return null;
    }

    private static IEnumerable<ConformanceCase> Entry() =>
    [
        EntryCase("vmx.entry.controls", "legal", "L2 is entered with the must-be-one controls alone", false, static least => least, VmEntryOutcome.Entered),
        EntryCase("vmx.entry.controls", "pin-based", "L2 is not entered without a must-be-one control", false, static least => least with { PinBased = 0 }, VmEntryOutcome.VmFailInvalidControls),
        EntryCase("vmx.entry.controls", "exit", "L2 is not entered with an exit control that no CPU has", false, static least => least with { Exit = least.Exit | 1U << 31 }, VmEntryOutcome.VmFailInvalidControls),
        EntryCase("evmcs.entry.filtered", "legal", "L2 is entered through an enlightened VMCS with the must-be-one controls alone", true, static least => least, VmEntryOutcome.Entered),
        .. Carriers.Select(NotCarried),
    ];

    /// <summary>The groups of controls of which KVM has some that eVMCS cannot carry: the MSR that offers them, and how a VMCS has them.</summary>
    private static readonly (string Name, uint Msr, Func<VmxControlSettings, uint> Of, Func<VmxControlSettings, uint, VmxControlSettings> With)[] Carriers =
    [
        ("pin-based", MsrIndex.Ia32VmxTruePinbasedCtls, static controls => controls.PinBased, static (controls, bits) => controls with { PinBased = controls.PinBased | bits }),
        ("secondary", MsrIndex.Ia32VmxProcbasedCtls2, static controls => controls.Secondary, static (controls, bits) => controls with { Primary = controls.Primary | ActivateSecondary, Secondary = bits }),
        ("exit", MsrIndex.Ia32VmxTrueExitCtls, static controls => controls.Exit, static (controls, bits) => controls with { Exit = controls.Exit | bits }),
        ("entry", MsrIndex.Ia32VmxTrueEntryCtls, static controls => controls.Entry, static (controls, bits) => controls with { Entry = controls.Entry | bits }),
    ];

    private static ConformanceCase NotCarried((string Name, uint Msr, Func<VmxControlSettings, uint> Of, Func<VmxControlSettings, uint, VmxControlSettings> With) group)
        => ConformanceCase.Of("evmcs.entry.filtered", group.Name, $"L2 is not entered through an enlightened VMCS with a {group.Name} control that KVM has and eVMCS cannot carry", [CaseNeed.Evmcs], run =>
        {
            if (FilterOf(run) is not { } filter || run.Maximum(group.Msr) is not { } offered || Least(run) is not { } least)
            {
                run.Undecided($"the snapshot does not say {KnownMsrs.Describe(group.Msr)}");
                return;
            }

            uint beyond = new VmxControlMsr(offered).Selectable & group.Of(filter.Offending(new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, 0)));
            bool tried = false;
            for (; beyond != 0; beyond &= beyond - 1)
            {
                VmxControlSettings asked = group.With(least, 1U << BitOperations.TrailingZeroCount(beyond));
                string control = $"{group.Name} control {BitOperations.TrailingZeroCount(beyond)}";
                if (run.Vcpu(Enlightened(run, false)) is not { } plain || run.Vcpu(Enlightened(run, false)) is not { } vcpu
                    || !run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue()))
                {
                    return;
                }

                // Some controls are legal only together with others, or need pages that this L1 does not have; the rest is tried.
                if (plain.Cpu.Guest.VmEntry(asked, enlightened: false) is not { Ok: true, Value: VmEntryOutcome.Entered })
                {
                    continue;
                }

                tried = true;
                run.Guest($"VMLAUNCH with {control} through an enlightened VMCS", vcpu.Cpu.Guest.VmEntry(asked, enlightened: true), VmEntryOutcome.VmFailInvalidControls);
            }

            if (!tried)
            {
                run.Undecided($"KVM here has no {group.Name} control that eVMCS cannot carry and that L2 is entered with by itself");
            }
        }).Also("vmx.entry.controls");

    private static ConformanceCase EntryCase(string clause, string variant, string statement, bool enlightened, Func<VmxControlSettings, VmxControlSettings> edit, VmEntryOutcome expected)
        => ConformanceCase.Of(clause, variant, statement, [enlightened ? CaseNeed.Evmcs : CaseNeed.Vmx], run =>
        {
            if (run.Vcpu(enlightened ? Enlightened(run, false) : run.Everything) is not { } vcpu || Least(run) is not { } least
                || enlightened && !run.Takes("KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)", vcpu.Cpu.EnableEnlightenedVmcs().WithoutValue()))
            {
                return;
            }

            run.Guest($"VMLAUNCH{(enlightened ? " through an enlightened VMCS" : "")}", vcpu.Cpu.Guest.VmEntry(edit(least), enlightened), expected);
        });
}
