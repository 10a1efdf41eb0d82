using System.Numerics;
using Portolan.Kvm.Behaviours;
using Portolan.X86.Vmx;

namespace Portolan.Conformance.Cases;

/// <summary>Restoring VMX capability MSRs: one case for each part of KVM's predicate (contract M5 to M12).</summary>
internal static class VmxMsrCases
{
    private static readonly uint[] Controls =
    [
        MsrIndex.Ia32VmxProcbasedCtls2, MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxTrueEntryCtls,
    ];

    public static IEnumerable<ConformanceCase> All() => [.. Legal(), .. Derived(), .. Basic(), .. ControlBits(), .. Misc(), .. Others(), .. Fixed1(), .. Edited()];

    /// <summary>Writes one MSR on a fresh vCPU with VMX; the value is made of the host's maximum, or null where there is none to make.</summary>
    private static ConformanceCase Case(string clause, string variant, string statement, uint index, bool taken, Func<ulong, ulong?> make)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Vmx], run =>
        {
            if (Maximum(run, index) is not { } maximum || run.Vcpu(run.Everything) is not { } vcpu)
            {
                return;
            }

            if (make(maximum) is not { } value)
            {
                run.Undecided($"the maximum of {KnownMsrs.Describe(index)} here, 0x{maximum:x}, leaves nothing to try");
                return;
            }

            string name = KnownMsrs.Describe(index);
            if (!run.Has($"KVM_GET_MSRS of {name}", vcpu.GetMsr(index), out ulong before))
            {
                return;
            }

            // KVM_SET_CPUID2 may have taken controls away whose feature the guest CPUID lacks (contract M10).
            run.Expect($"KVM_SET_MSRS of {name} = 0x{value:x}, maximum 0x{maximum:x}", taken ? Errno.None : Errno.EINVAL, vcpu.SetMsr(index, value));
            _ = run.Has($"KVM_GET_MSRS of {name}", vcpu.GetMsr(index), out ulong got) && run.Equal($"{name} afterwards", taken ? value : before, got);
        });

    private static ulong? Maximum(CaseRun run, uint index)
    {
        if (run.Maximum(index) is { } maximum)
        {
            return maximum;
        }

        run.Undecided($"the snapshot does not say {KnownMsrs.Describe(index)}");
        return null;
    }

    private static string Hex(uint index) => $"{index:x}";

    private static IEnumerable<ConformanceCase> Legal()
        => VmxCapabilitiesReader.RestoreOrder.Select(static index
            => Case("msr.vmx.not-restorable", $"{Hex(index)}-maximum", "A VMX capability MSR takes the host's maximum", index, true, static maximum => maximum).Also("M9"))
            .Append(Case("msr.vmx.not-restorable", "48a-any", "IA32_VMX_VMCS_ENUM takes any value", MsrIndex.Ia32VmxVmcsEnum, true, static _ => 0x3e))
            .Append(ConformanceCase.Of("msr.vmx.not-restorable", "guest", "The guest reads VMX capability MSRs as the VMM set them", [CaseNeed.Vmx], static run =>
            {
                if (Maximum(run, MsrIndex.Ia32VmxVmcsEnum) is null || run.Vcpu(run.Everything) is not { } vcpu || !run.Takes("KVM_SET_MSRS of MSR 48AH = 0x3e", vcpu.SetMsr(MsrIndex.Ia32VmxVmcsEnum, 0x3e)))
                {
                    return;
                }

                run.Guest("RDMSR of MSR 48AH", vcpu.Cpu.Guest.Rdmsr(MsrIndex.Ia32VmxVmcsEnum), 0x3eUL);
                if (Maximum(run, MsrIndex.Ia32VmxBasic) is { } basic)
                {
                    run.Guest("RDMSR of MSR 480H", vcpu.Cpu.Guest.Rdmsr(MsrIndex.Ia32VmxBasic), basic);
                }
            }).Also("M8"));

    private static IEnumerable<ConformanceCase> Derived()
    {
        foreach (uint index in (uint[])[MsrIndex.Ia32VmxPinbasedCtls, MsrIndex.Ia32VmxProcbasedCtls, MsrIndex.Ia32VmxExitCtls, MsrIndex.Ia32VmxEntryCtls, MsrIndex.Ia32VmxCr0Fixed1, MsrIndex.Ia32VmxCr4Fixed1])
        {
            yield return ConformanceCase.Of("msr.vmx.derived", Hex(index), "A derived VMX capability MSR cannot be written, not even with its own value", [CaseNeed.Vmx], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(index)}", vcpu.GetMsr(index), out ulong own))
                {
                    run.Refuses($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x{own:x}", vcpu.SetMsr(index, own));
                }
            }).Also(index is MsrIndex.Ia32VmxCr0Fixed1 or MsrIndex.Ia32VmxCr4Fixed1 ? "M11" : "M6");
        }

        foreach (uint index in (uint[])[MsrIndex.Ia32VmxProcbasedCtls3, MsrIndex.Ia32VmxExitCtls2])
        {
            yield return ConformanceCase.Of("msr.vmx.not-restorable", Hex(index), "IA32_VMX_PROCBASED_CTLS3 and IA32_VMX_EXIT_CTLS2 cannot be restored: KVM does not emulate them", [CaseNeed.Vmx], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu)
                {
                    run.Refuses($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x1", vcpu.SetMsr(index, 1));
                }
            }).Also("vmx.restore.not-restorable", "msr.unknown");
        }

        foreach ((uint form, uint plain, uint always) in (IEnumerable<(uint, uint, uint)>)
            [(MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxPinbasedCtls, 0x16), (MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxProcbasedCtls, 0x0401e172),
            (MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxExitCtls, 0x00036dff), (MsrIndex.Ia32VmxTrueEntryCtls, MsrIndex.Ia32VmxEntryCtls, 0x11ff)])
        {
            yield return new ConformanceCase($"msr.vmx.derived/{Hex(plain)}-of-{Hex(form)}", ["msr.vmx.derived", "M6"], "The MSR without TRUE is its TRUE form with the default1 controls must-be-one", [CaseNeed.Vmx], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(form)}", vcpu.GetMsr(form), out ulong own)
                    && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(plain)}", vcpu.GetMsr(plain), out ulong found))
                {
                    run.Equal(KnownMsrs.Describe(plain), own | always, found);
                }
            });
        }

        yield return ConformanceCase.Of("msr.vmx.vmxon", "", "After VMXON no VMX capability MSR can be written", [CaseNeed.Vmx], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Takes("KVM_SET_NESTED_STATE with VMXON", vcpu.Cpu.SetNestedState(NestedImage.Vmx(0, NestedImage.Header, vmxon: 0x1000)))
                && run.Has("KVM_GET_MSRS of MSR 480H", vcpu.GetMsr(MsrIndex.Ia32VmxBasic), out ulong own))
            {
                run.Refuses($"KVM_SET_MSRS of MSR 480H = 0x{own:x}", vcpu.SetMsr(MsrIndex.Ia32VmxBasic, own));
                run.Refuses("KVM_SET_MSRS of MSR 48AH = 0x3e", vcpu.SetMsr(MsrIndex.Ia32VmxVmcsEnum, 0x3e));
            }
        }).Also("M7");
    }

    private static ulong? WithBit(ulong maximum, int bit) => (maximum >> bit & 1) != 0 ? null : maximum | 1UL << bit;

    private static IEnumerable<ConformanceCase> Basic()
    {
        foreach (int bit in (int[])[31, 45, 46, 47, 49, 54, 55, 56, 63])
        {
            yield return Case("vmx.restore.basic-bits", $"bit-{bit}", "IA32_VMX_BASIC has no feature or reserved bit that this host lacks", MsrIndex.Ia32VmxBasic, false, maximum => WithBit(maximum, bit));
        }

        yield return Case("vmx.restore.basic-32-bit-addresses", "", "IA32_VMX_BASIC[48] is 0", MsrIndex.Ia32VmxBasic, false, static maximum => maximum | 1UL << 48);
        yield return Case("vmx.restore.basic-revision", "bit-0", "The VMCS revision identifier equals this host's", MsrIndex.Ia32VmxBasic, false, static maximum => maximum ^ 1);
        yield return Case("vmx.restore.basic-revision", "bit-30", "The VMCS revision identifier equals this host's", MsrIndex.Ia32VmxBasic, false, static maximum => maximum ^ 1UL << 30);
        yield return Case("vmx.restore.basic-region-size", "smaller", "The region size is not smaller than this host's", MsrIndex.Ia32VmxBasic, false, static maximum => maximum - (1UL << 32));
        yield return Case("vmx.restore.basic-bits", "without-inout", "IA32_VMX_BASIC without INS/OUTS information is taken", MsrIndex.Ia32VmxBasic, true, static maximum => (maximum >> 54 & 1) == 0 ? null : maximum & ~(1UL << 54));
    }

    private static IEnumerable<ConformanceCase> ControlBits()
    {
        foreach (uint index in Controls)
        {
            string name = Hex(index);
            yield return Case("vmx.restore.control-must-be-one", name, "A control that this host reports as must-be-one stays must-be-one", index, false, static maximum
                => (uint)(maximum & uint.MaxValue) is 0 ? null : maximum & ~Lowest(maximum & uint.MaxValue));
            yield return Case("vmx.restore.control-may-be-one", name, "No control may be one that this host reports as must-be-zero", index, false, static maximum
                => ~maximum >> 32 is 0 ? null : maximum | Lowest(~maximum >> 32) << 32);
            yield return Case("vmx.restore.control-may-be-one", $"{name}-highest", "No control may be one that this host reports as must-be-zero", index, false, static maximum
                => ~maximum >> 32 is 0 ? null : maximum | 1UL << BitOperations.Log2(~maximum >> 32) + 32);
            yield return Case("vmx.restore.control-may-be-one", $"{name}-fewer", "A control that this host has may be hidden", index, true, static maximum
                => (maximum >> 32 & ~maximum & uint.MaxValue) is var free && free == 0 ? null : maximum & ~(Lowest(free) << 32));
        }

        yield return ConformanceCase.Of("vmx.restore.control-may-be-one", "again", "A control that was hidden can be shown again, up to the host's maximum, unless this kernel compares with the vCPU's own value", [CaseNeed.Vmx], static run =>
        {
            const uint Index = MsrIndex.Ia32VmxTruePinbasedCtls;
            if (Maximum(run, Index) is not { } maximum || run.Vcpu(run.Everything) is not { } vcpu)
            {
                return;
            }

            ulong free = maximum >> 32 & ~maximum & uint.MaxValue;
            if (free == 0 || run.Behaviours.VmxRestoreAgainst is not { } rule)
            {
                run.Undecided("no control to hide, or the snapshot does not say vmx.restore-against");
                return;
            }

            if (run.Takes("KVM_SET_MSRS of MSR 48DH with a control hidden", vcpu.SetMsr(Index, maximum & ~(Lowest(free) << 32))))
            {
                run.Expect("KVM_SET_MSRS of MSR 48DH with the control shown again", rule == VmxRestoreAgainst.Maxima ? Errno.None : Errno.EINVAL, vcpu.SetMsr(Index, maximum));
                if (rule == VmxRestoreAgainst.Current)
                {
                    run.Deviates("vmx.restore-against = current: what was hidden once cannot be restored (contract M5)");
                }
            }
        }).Also("M5", "M9");
    }

    /// <summary>Contract M10: secondary controls of which KVM_SET_CPUID2 makes what the guest CPUID says (SDM vol. 3C, 25.6.2).</summary>
    private static IEnumerable<ConformanceCase> Edited()
    {
        const uint Index = MsrIndex.Ia32VmxProcbasedCtls2;
        foreach ((string feature, int bit) in (IEnumerable<(string, int)>)[("rdtscp", 3), ("invpcid", 12)])
        {
            yield return new($"msr.vmx.edited/{feature}", ["M10"], "KVM_SET_CPUID2 takes a control whose feature the guest CPUID lacks from IA32_VMX_PROCBASED_CTLS2: a VMM captures after it",
                [CaseNeed.Vmx, CaseNeed.Feature(feature), CaseNeed.NotModelled("keeps IA32_VMX_PROCBASED_CTLS2 as it is at KVM_SET_CPUID2")], run =>
            {
                if (Maximum(run, Index) is not { } maximum || (maximum >> bit + 32 & 1) == 0)
                {
                    run.Undecided($"KVM here has no control {bit} of IA32_VMX_PROCBASED_CTLS2, or the snapshot does not say");
                }
                else if (run.Vcpu(run.Everything) is { } with && run.Vcpu(run.Without(feature)) is { } without
                    && run.Has("KVM_GET_MSRS of MSR 48BH", with.GetMsr(Index), out ulong all) && run.Has("KVM_GET_MSRS of MSR 48BH", without.GetMsr(Index), out ulong fewer))
                {
                    run.Equal($"MSR 48BH[{bit + 32}] with {feature}", true, (all >> bit + 32 & 1) != 0);
                    run.Equal($"MSR 48BH[{bit + 32}] without {feature}", false, (fewer >> bit + 32 & 1) != 0);
                }
            });
        }
    }

    private static ulong Lowest(ulong bits) => 1UL << BitOperations.TrailingZeroCount(bits);

    private static IEnumerable<ConformanceCase> Misc()
    {
        const uint Index = MsrIndex.Ia32VmxMisc;
        foreach (int bit in (int[])[5, 6, 7, 8, 9, 13, 14, 15, 28, 29, 30, 31])
        {
            yield return Case("vmx.restore.misc-bits", $"bit-{bit}", "IA32_VMX_MISC has no feature or reserved bit that this host lacks", Index, false, maximum => WithBit(maximum, bit));
        }

        yield return Case("vmx.restore.misc-cr3-targets", "more", "Not more CR3-target values than this host", Index, false, static maximum => (maximum >> 16 & 0x1ff) == 0x1ff ? null : maximum + (1UL << 16));
        yield return Case("vmx.restore.misc-cr3-targets", "fewer", "Fewer CR3-target values than this host are taken", Index, true, static maximum => (maximum >> 16 & 0x1ff) == 0 ? null : maximum - (1UL << 16));
        yield return Case("vmx.restore.misc-msr-list", "longer", "The maximum MSR-list size is not greater than this host's", Index, false, static maximum => (maximum >> 25 & 7) == 7 ? null : maximum + (1UL << 25));
        yield return Case("vmx.restore.misc-mseg", "other", "The MSEG revision identifier equals this host's", Index, false, static maximum => maximum ^ 1UL << 32);
        yield return Case("vmx.restore.misc-preemption-timer-rate", "other", "The preemption-timer rate equals this host's while the pin-based controls allow the timer", Index, false, static maximum => maximum ^ 1).With(NeedsTimer(true));
        yield return ConformanceCase.Of("vmx.restore.misc-preemption-timer-rate", "without-timer", "Without the timer in the pin-based controls any rate is taken", [CaseNeed.Vmx, NeedsTimer(true)], static run =>
        {
            if (Maximum(run, MsrIndex.Ia32VmxTruePinbasedCtls) is { } pin && Maximum(run, Index) is { } misc && run.Vcpu(run.Everything) is { } vcpu
                && run.Takes("KVM_SET_MSRS of MSR 48DH without the preemption timer", vcpu.SetMsr(MsrIndex.Ia32VmxTruePinbasedCtls, pin & ~(1UL << 6 + 32))))
            {
                run.Takes($"KVM_SET_MSRS of MSR 485H = 0x{misc ^ 1:x}", vcpu.SetMsr(Index, misc ^ 1));
            }
        }).Also("M12");
    }

    private static CaseNeed NeedsTimer(bool wanted) => new("the VMX preemption timer", run
        => run.Maximum(MsrIndex.Ia32VmxTruePinbasedCtls) is { } pin && (pin >> 6 + 32 & 1) != 0 == wanted ? null : "KVM here has no VMX preemption timer for guests, or it is not known");

    private static IEnumerable<ConformanceCase> Others()
    {
        foreach (uint index in (uint[])[MsrIndex.Ia32VmxCr0Fixed0, MsrIndex.Ia32VmxCr4Fixed0])
        {
            yield return Case("vmx.restore.fixed0", Hex(index), "A bit that this host fixes to 1 stays fixed to 1", index, false, static maximum => maximum == 0 ? null : maximum & ~Lowest(maximum));
            yield return Case("vmx.restore.fixed0", $"{Hex(index)}-more", "More bits may be fixed to 1 than this host does", index, true, static maximum => WithBit(maximum, 16));
        }

        yield return Case("vmx.restore.ept-vpid-cap", "lowest", "IA32_VMX_EPT_VPID_CAP has no bit that this host lacks", MsrIndex.Ia32VmxEptVpidCap, false, static maximum => ~maximum == 0 ? null : maximum | Lowest(~maximum));
        yield return Case("vmx.restore.ept-vpid-cap", "bit-63", "IA32_VMX_EPT_VPID_CAP has no bit that this host lacks", MsrIndex.Ia32VmxEptVpidCap, false, static maximum => WithBit(maximum, 63));
        yield return Case("vmx.restore.ept-vpid-cap", "zero", "IA32_VMX_EPT_VPID_CAP takes 0", MsrIndex.Ia32VmxEptVpidCap, true, static _ => 0);
        yield return Case("vmx.restore.vmfunc", "lowest", "IA32_VMX_VMFUNC has no function that this host lacks", MsrIndex.Ia32VmxVmfunc, false, static maximum => maximum | Lowest(~maximum));
        yield return Case("vmx.restore.vmfunc", "zero", "IA32_VMX_VMFUNC takes 0", MsrIndex.Ia32VmxVmfunc, true, static _ => 0);
    }

    private static IEnumerable<ConformanceCase> Fixed1()
    {
        foreach ((int bit, string feature) in (IEnumerable<(int, string)>)[(11, "umip"), (12, "la57"), (16, "fsgsbase"), (17, "pcid"), (20, "smep"), (21, "smap"), (22, "pku")])
        {
            yield return new ConformanceCase($"msr.vmx.derived/cr4-{feature}", ["msr.vmx.derived", "M11"], "IA32_VMX_CR4_FIXED1 follows the guest CPUID", [CaseNeed.Vmx, CaseNeed.Feature(feature)], run =>
            {
                if (run.Vcpu(run.Everything) is { } with && run.Has("KVM_GET_MSRS of MSR 489H", with.GetMsr(MsrIndex.Ia32VmxCr4Fixed1), out ulong fixed1))
                {
                    run.Equal($"MSR 489H[{bit}] with {feature}", true, (fixed1 >> bit & 1) != 0);
                }

                if (run.Vcpu(run.Without(feature)) is { } without && run.Has("KVM_GET_MSRS of MSR 489H", without.GetMsr(MsrIndex.Ia32VmxCr4Fixed1), out ulong narrow))
                {
                    run.Equal($"MSR 489H[{bit}] without {feature}", false, (narrow >> bit & 1) != 0);
                }
            });
        }
    }
}
