namespace Portolan.Conformance.Cases;

/// <summary>KVM_GET_MSRS and KVM_SET_MSRS: the lists, the refusals, and single MSRs (contract M1 to M4, M15 to M24).</summary>
internal static class MsrCases
{
    private const uint Hwcr = 0xc0010015, MtrrDefaultType = 0x2ff, MtrrFix64K = 0x250;
    /// <summary>No vendor and no hypervisor has it.</summary>
    private const uint Nowhere = 0x3fff_f000;

    private const ulong CpuidFault = 1UL << 31;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Lists(), .. Unknown(), .. Canonical(), .. Pat(), .. Single(), .. FeatCtl(), .. Efer(), .. Supervisor(), .. Paravirtual(),
    ];

    private static IEnumerable<ConformanceCase> Lists() =>
    [
        new("msr.lists/saved-readable", ["M2"], "Every MSR of KVM_GET_MSR_INDEX_LIST can be read of a vCPU with everything that KVM supports", [], static run
            => EachSaved(run, static (vcpu, index) => vcpu.GetMsr(index).WithoutValue(), "KVM_GET_MSRS")),
        new("msr.lists/saved-writable", ["M2", "S2"], "What was read of an MSR of KVM_GET_MSR_INDEX_LIST can be written back", [], static run
            => EachSaved(run, static (vcpu, index) => vcpu.GetMsr(index) is { Ok: true } value ? vcpu.SetMsr(index, value.Value) : KvmAnswer.Done, "KVM_SET_MSRS of its own value")),
        new("msr.lists/features-readable", ["M2"], "Every MSR of KVM_GET_MSR_FEATURE_INDEX_LIST can be read of the system", [], static run =>
        {
            if (!run.Has("KVM_GET_MSR_FEATURE_INDEX_LIST", run.System.GetMsrFeatureIndexList(), out var indices))
            {
                return;
            }

            run.Check(indices.Length > 0, "at least one feature MSR", "an empty list");
            foreach (uint index in indices)
            {
                Span<MsrValue> entry = [new MsrValue(index, 0)];
                KvmAnswer<int> read = run.System.GetMsrs(entry);
                if (read.IsUnknown)
                {
                    run.Undecided($"the snapshot does not say {KnownMsrs.Describe(index)}");
                }
                else
                {
                    run.Check(read is { Ok: true, Value: 1 }, $"KVM_GET_MSRS of {KnownMsrs.Describe(index)}: 1", $"KVM_GET_MSRS of {KnownMsrs.Describe(index)}: {read}");
                }
            }
        }),
        new("msr.lists/distinct", ["M2"], "No MSR stands twice in a list", [], static run =>
        {
            if (run.Has("KVM_GET_MSR_INDEX_LIST", run.System.GetMsrIndexList(), out var saved) && run.Has("KVM_GET_MSR_FEATURE_INDEX_LIST", run.System.GetMsrFeatureIndexList(), out var features))
            {
                run.Equal("different MSRs of KVM_GET_MSR_INDEX_LIST", saved.Length, saved.Distinct().Count());
                run.Equal("different MSRs of KVM_GET_MSR_FEATURE_INDEX_LIST", features.Length, features.Distinct().Count());
            }
        }),
    ];

    private static void EachSaved(CaseRun run, Func<CaseVcpu, uint, KvmAnswer> ask, string asked)
    {
        if (!run.Has("KVM_GET_MSR_INDEX_LIST", run.System.GetMsrIndexList(), out var indices) || run.Vcpu(run.Everything, static vm => vm.CreateIrqChip()) is not { } vcpu)
        {
            return;
        }

        run.Check(indices.Length > 0, "at least one MSR", "an empty list");
        List<string> refused = [];
        foreach (uint index in indices)
        {
            KvmAnswer answer = ask(vcpu, index);
            if (answer.IsUnknown)
            {
                run.Undecided($"the snapshot does not say {KnownMsrs.Describe(index)}");
            }
            else if (!answer.Ok)
            {
                refused.Add(KnownMsrs.Describe(index));
            }
        }

        run.Check(refused.Count == 0, $"{asked}: every MSR taken", $"{asked}: refused of {string.Join(", ", refused)}");
    }

    private static IEnumerable<ConformanceCase> Unknown() =>
    [
        OnGuest("msr.unknown", "get", "KVM_GET_MSRS stops at an MSR that KVM does not know", static (run, vcpu)
            => run.Refuses("KVM_GET_MSRS of MSR 3FFFF000H", vcpu.GetMsr(Nowhere).WithoutValue())),
        OnGuest("msr.unknown", "set", "KVM_SET_MSRS stops at an MSR that KVM does not know", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR 3FFFF000H", vcpu.SetMsr(Nowhere, 0))),
        OnGuest("msr.unknown", "stops", "KVM_SET_MSRS answers how many it wrote: what stands before the refused MSR is written, what stands after it is not", static (run, vcpu) =>
        {
            KvmAnswer<int> count = vcpu.Cpu.SetMsrs([new(MsrIndex.Ia32SysenterCs, 0x10), new(Nowhere, 0), new(MsrIndex.Ia32Star, 0x20)]);
            _ = run.Has("KVM_SET_MSRS of three MSRs", count, out int written) && run.Equal("MSRs written", 1, written)
                && run.Has("KVM_GET_MSRS of MSR 174H", vcpu.GetMsr(MsrIndex.Ia32SysenterCs), out ulong before) && run.Equal("MSR 174H", 0x10UL, before)
                && run.Has("KVM_GET_MSRS of MSR C0000081H", vcpu.GetMsr(MsrIndex.Ia32Star), out ulong after) && run.Equal("MSR C0000081H", 0UL, after);
        }).Also("M1"),
        OnGuest("msr.unknown", "guest", "RDMSR of an MSR that KVM does not know raises #GP in the guest", static (run, vcpu)
            => run.Guest("RDMSR of MSR 3FFFF000H", vcpu.Cpu.Guest.Rdmsr(Nowhere), 0UL, GuestFault.GP), CaseNeed.Parameter("kvm.ignore_msrs", "N")),
    ];

    private static ConformanceCase OnGuest(string clause, string variant, string statement, Action<CaseRun, CaseVcpu> body, params CaseNeed[] needs)
        => ConformanceCase.Of(clause, variant, statement, needs, run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                body(run, vcpu);
            }
        });

    private static IEnumerable<ConformanceCase> Canonical()
    {
        foreach (uint index in (uint[])[MsrIndex.Ia32Lstar, MsrIndex.Ia32Cstar, MsrIndex.Ia32FsBase, MsrIndex.Ia32GsBase, MsrIndex.Ia32KernelGsBase])
        {
            string name = $"{index:x}";
            yield return OnGuest("msr.canonical", name, "An address that is not canonical is refused", (run, vcpu)
                => run.Refuses($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x8000000000000000", vcpu.SetMsr(index, 1UL << 63)), CaseNeed.Feature("lm"));
            yield return OnGuest("msr.canonical", $"{name}-kept", "A canonical address is taken and read back", (run, vcpu)
                => Keeps(run, vcpu, index, 0xffff_8000_0000_1000), CaseNeed.Feature("lm"));
        }

        foreach (uint index in (uint[])[MsrIndex.Ia32SysenterEsp, MsrIndex.Ia32SysenterEip])
        {
            yield return OnGuest("msr.canonical", $"{index:x}-any", "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP take any address, which KVM makes canonical", (run, vcpu) =>
            {
                _ = run.Takes($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x8000000000001000", vcpu.SetMsr(index, 1UL << 63 | 0x1000))
                    && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(index)}", vcpu.GetMsr(index), out ulong got) && run.Equal($"{KnownMsrs.Describe(index)}[31:0]", 0x1000UL, got & uint.MaxValue);
            });
        }

        yield return OnGuest("msr.canonical", "57-bit", "An address of 57 bits is taken where the host has LA57, and refused elsewhere", static (run, vcpu) =>
        {
            if (run.Offers("la57") is not { } wide)
            {
                run.Undecided("it is not known whether KVM here supports la57");
                return;
            }

            run.Expect("KVM_SET_MSRS of MSR C0000102H = 0x00ff800000000000", wide ? Errno.None : Errno.EINVAL, vcpu.SetMsr(MsrIndex.Ia32KernelGsBase, 0x00ff_8000_0000_0000));
        }, CaseNeed.Feature("lm")).Also("S12");
    }

    private static void Keeps(CaseRun run, CaseVcpu vcpu, uint index, ulong value)
    {
        string name = KnownMsrs.Describe(index);
        _ = run.Takes($"KVM_SET_MSRS of {name} = 0x{value:x}", vcpu.SetMsr(index, value))
            && run.Has($"KVM_GET_MSRS of {name}", vcpu.GetMsr(index), out ulong got) && run.Equal(name, value, got);
    }

    private static IEnumerable<ConformanceCase> Pat()
    {
        foreach (byte type in (byte[])[2, 3, 8, 255])
        {
            yield return OnGuest("msr.pat", $"type-{type}", "IA32_PAT with a byte that is no memory type is refused", (run, vcpu) =>
            {
                run.Refuses($"KVM_SET_MSRS of IA32_PAT with byte 0 = {type}", vcpu.SetMsr(MsrIndex.Ia32Pat, 0x0007_0406_0007_0400UL | type));
                run.Refuses($"KVM_SET_MSRS of IA32_PAT with byte 7 = {type}", vcpu.SetMsr(MsrIndex.Ia32Pat, 0x0007_0406_0007_0406UL & ~(0xffUL << 56) | (ulong)type << 56));
            });
        }

        yield return OnGuest("msr.pat", "legal", "IA32_PAT with each memory type is taken and read back", static (run, vcpu) => Keeps(run, vcpu, MsrIndex.Ia32Pat, 0x0007_0605_0401_0006));
    }

    private static IEnumerable<ConformanceCase> Single() =>
    [
        OnGuest("msr.reserved-bits", "hwcr", "MSR_K7_HWCR takes no bit that KVM does not know", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR C0010015H = 0x8000000000000000", vcpu.SetMsr(Hwcr, 1UL << 63)), CaseNeed.Msr(Hwcr)),
        OnGuest("msr.reserved-bits", "hwcr-tsc", "MSR_K7_HWCR takes TscFreqSel where KVM knows it", static (run, vcpu) =>
        {
            if (run.Behaviours.MsrHwcr is not { } known)
            {
                run.Undecided("it is not known which bits KVM takes");
                return;
            }

            run.Expect("KVM_SET_MSRS of MSR C0010015H = 0x1000000", known == Kvm.Behaviours.MsrHwcr.McStatusAndTsc ? Errno.None : Errno.EINVAL, vcpu.SetMsr(Hwcr, 1 << 24));
        }, CaseNeed.Msr(Hwcr)),
        OnGuest("msr.reserved-bits", "mtrr-default", "IA32_MTRR_DEF_TYPE takes memory types only", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR 2FFH = 0x2", vcpu.SetMsr(MtrrDefaultType, 2))),
        OnGuest("msr.reserved-bits", "mtrr-fixed", "A fixed-range MTRR takes memory types only", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR 250H = 0x700", vcpu.SetMsr(MtrrFix64K, 0x700))),
        OnGuest("msr.platform-info", "", "MSR_PLATFORM_INFO keeps CPUID_FAULT while the guest has CPUID faulting enabled", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_SET_MSRS of MSR CEH = 0x80000000", vcpu.SetMsr(MsrIndex.MsrPlatformInfo, CpuidFault))
                && run.Takes("KVM_SET_MSRS of MSR 140H = 0x1", vcpu.SetMsr(MsrIndex.MsrMiscFeaturesEnables, 1))
                && run.Refuses("KVM_SET_MSRS of MSR CEH = 0x0", vcpu.SetMsr(MsrIndex.MsrPlatformInfo, 0));
        }),
        OnGuest("msr.misc-features", "not-offered", "MISC_FEATURES_ENABLES needs MSR_PLATFORM_INFO to offer CPUID faulting", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_SET_MSRS of MSR CEH = 0x0", vcpu.SetMsr(MsrIndex.MsrPlatformInfo, 0))
                && run.Refuses("KVM_SET_MSRS of MSR 140H = 0x1", vcpu.SetMsr(MsrIndex.MsrMiscFeaturesEnables, 1));
        }),
        OnGuest("msr.misc-features", "reserved", "MISC_FEATURES_ENABLES has bit 0 only", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_SET_MSRS of MSR CEH = 0x80000000", vcpu.SetMsr(MsrIndex.MsrPlatformInfo, CpuidFault))
                && run.Refuses("KVM_SET_MSRS of MSR 140H = 0x2", vcpu.SetMsr(MsrIndex.MsrMiscFeaturesEnables, 2));
        }),
        OnGuest("msr.read-only-for-guest", "platform-info", "WRMSR of MSR_PLATFORM_INFO raises #GP in the guest", static (run, vcpu)
            => run.Guest("WRMSR of MSR CEH = 0x0", vcpu.Cpu.Guest.Wrmsr(MsrIndex.MsrPlatformInfo, 0), 0UL, GuestFault.GP)),
        OnGuest("msr.read-only-for-guest", "arch-capabilities", "WRMSR of IA32_ARCH_CAPABILITIES raises #GP in the guest", static (run, vcpu)
            => run.Guest("WRMSR of MSR 10AH = 0x0", vcpu.Cpu.Guest.Wrmsr(MsrIndex.Ia32ArchCapabilities, 0), 0UL, GuestFault.GP), CaseNeed.Feature("arch-capabilities")),
        OnGuest("msr.read-only-for-guest", "perf-capabilities", "WRMSR of IA32_PERF_CAPABILITIES raises #GP in the guest", static (run, vcpu)
            => run.Guest("WRMSR of MSR 345H = 0x0", vcpu.Cpu.Guest.Wrmsr(MsrIndex.Ia32PerfCapabilities, 0), 0UL, GuestFault.GP), CaseNeed.Feature("pdcm")),
        OnGuest("msr.tsx-ctrl", "reserved", "IA32_TSX_CTRL has bits 0 and 1 only", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR 122H = 0x4", vcpu.SetMsr(MsrIndex.Ia32TsxCtrl, 4)), CaseNeed.Msr(MsrIndex.Ia32TsxCtrl)),
        OnGuest("msr.tsx-ctrl", "legal", "IA32_TSX_CTRL is taken with bits 0 and 1", static (run, vcpu)
            => Keeps(run, vcpu, MsrIndex.Ia32TsxCtrl, 3), CaseNeed.Msr(MsrIndex.Ia32TsxCtrl)),
        OnGuest("msr.perf-capabilities", "beyond", "IA32_PERF_CAPABILITIES with a bit that the host lacks is refused", static (run, vcpu) =>
        {
            if (run.Maximum(MsrIndex.Ia32PerfCapabilities) is not { } maximum)
            {
                run.Undecided("the snapshot does not say MSR 345H");
                return;
            }

            run.Refuses("KVM_SET_MSRS of MSR 345H with bit 63", vcpu.SetMsr(MsrIndex.Ia32PerfCapabilities, maximum | 1UL << 63));
        }, CaseNeed.Msr(MsrIndex.Ia32PerfCapabilities), CaseNeed.Feature("pdcm")),
        OnGuest("msr.perf-capabilities", "maximum", "IA32_PERF_CAPABILITIES takes the host's maximum, and 0", static (run, vcpu) =>
        {
            if (run.Maximum(MsrIndex.Ia32PerfCapabilities) is not { } maximum)
            {
                run.Undecided("the snapshot does not say MSR 345H");
                return;
            }

            Keeps(run, vcpu, MsrIndex.Ia32PerfCapabilities, maximum);
            Keeps(run, vcpu, MsrIndex.Ia32PerfCapabilities, 0);
        }, CaseNeed.Msr(MsrIndex.Ia32PerfCapabilities), CaseNeed.Feature("pdcm")),
        OnGuest("msr.spec-ctrl", "", "IA32_SPEC_CTRL with a bit that no CPU has is refused", static (run, vcpu)
            => run.Refuses("KVM_SET_MSRS of MSR 48H with bit 63", vcpu.SetMsr(MsrIndex.Ia32SpecCtrl, 1UL << 63)), CaseNeed.RealCpu, CaseNeed.Msr(MsrIndex.Ia32SpecCtrl), CaseNeed.Feature("spec-ctrl")),
        OnGuest("msr.spec-ctrl", "zero", "IA32_SPEC_CTRL takes 0", static (run, vcpu)
            => Keeps(run, vcpu, MsrIndex.Ia32SpecCtrl, 0), CaseNeed.Msr(MsrIndex.Ia32SpecCtrl), CaseNeed.Feature("spec-ctrl")),
        OnGuest("msr.microcode-revision", "", "IA32_BIOS_SIGN_ID is what the VMM stored", static (run, vcpu) => Keeps(run, vcpu, MsrIndex.Ia32BiosSignId, 0x2b00_0000_0000)),
        OnGuest("msr.microcode-revision", "guest", "The guest reads IA32_BIOS_SIGN_ID as the VMM stored it", static (run, vcpu) =>
        {
            Keeps(run, vcpu, MsrIndex.Ia32BiosSignId, 0x2b00_0000_0000);
            run.Guest("RDMSR of MSR 8BH", vcpu.Cpu.Guest.Rdmsr(MsrIndex.Ia32BiosSignId), 0x2b00_0000_0000UL);
        }).Also("M18"),
    ];

    private static IEnumerable<ConformanceCase> FeatCtl()
    {
        (int Bit, string? Feature)[] rows = [(1, "vmx"), (2, "vmx"), (17, "sgxlc"), (18, "sgx"), (3, null), (8, null), (32, null)];
        foreach ((int bit, string? feature) in rows)
        {
            yield return OnGuest("msr.feat-ctl", $"bit-{bit}", "IA32_FEAT_CTL takes from the VMM a bit that the guest CPUID gives a meaning, or any that KVM knows", (run, vcpu) =>
            {
                bool promised = feature is not null && run.Offers(feature) is true;
                bool? taken = feature is null ? false : promised ? true : run.Behaviours.MsrFeatCtl switch
                {
                    Kvm.Behaviours.MsrFeatCtl.KnownBits => true,
                    Kvm.Behaviours.MsrFeatCtl.GuestCpuid => false,
                    _ => null,
                };
                if (taken is not { } expected)
                {
                    run.Undecided("the snapshot does not say msr.feat-ctl");
                    return;
                }

                run.Expect($"KVM_SET_MSRS of MSR 3AH with bit {bit}", expected ? Errno.None : Errno.EINVAL, vcpu.SetMsr(MsrIndex.Ia32FeatureControl, 1UL << bit | 1));
            }, CaseNeed.IntelModule);
        }

        yield return OnGuest("msr.feat-ctl.locked", "", "WRMSR of a locked IA32_FEAT_CTL raises #GP in the guest, and the VMM may still write it", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_SET_MSRS of MSR 3AH = 0x1", vcpu.SetMsr(MsrIndex.Ia32FeatureControl, 1))
                && run.Guest("WRMSR of MSR 3AH = 0x5", vcpu.Cpu.Guest.Wrmsr(MsrIndex.Ia32FeatureControl, 5), 0UL, GuestFault.GP)
                && run.Takes("KVM_SET_MSRS of MSR 3AH = 0x0", vcpu.SetMsr(MsrIndex.Ia32FeatureControl, 0));
        }, CaseNeed.IntelModule);
    }

    private static IEnumerable<ConformanceCase> Efer()
    {
        foreach (int bit in (int[])[1, 9, 16, 63])
        {
            yield return OnGuest("msr.efer", $"bit-{bit}", "KVM_SET_MSRS of IA32_EFER with a reserved bit is refused", (run, vcpu)
                => run.Refuses($"KVM_SET_MSRS of MSR C0000080H with bit {bit}", vcpu.SetMsr(MsrIndex.Ia32Efer, 1UL << bit)));
        }

        foreach (GatedBit row in GatedBits.Efer.Where(static row => row.Bit > 10))
        {
            yield return OnGuest("msr.efer", row.Feature.Name, "KVM_SET_MSRS of IA32_EFER takes a bit where KVM supports its feature, and refuses it elsewhere", (run, vcpu) =>
            {
                if (run.Offers(row.Feature.Name) is not { } offered)
                {
                    run.Undecided($"it is not known whether KVM here supports {row.Feature.Name}");
                    return;
                }

                run.Expect($"KVM_SET_MSRS of MSR C0000080H with bit {row.Bit}", offered ? Errno.None : Errno.EINVAL, vcpu.SetMsr(MsrIndex.Ia32Efer, 1UL << row.Bit));
            });
        }

        yield return OnGuest("msr.efer", "lma", "KVM_SET_MSRS of IA32_EFER keeps LMA as it is", static (run, vcpu) =>
        {
            _ = run.Takes("KVM_SET_MSRS of MSR C0000080H = 0x401", vcpu.SetMsr(MsrIndex.Ia32Efer, 0x401))
                && run.Has("KVM_GET_MSRS of MSR C0000080H", vcpu.GetMsr(MsrIndex.Ia32Efer), out ulong got) && run.Equal("MSR C0000080H", 1UL, got);
        }, CaseNeed.Feature("syscall")).Also("M22");
    }

    private static IEnumerable<ConformanceCase> Supervisor()
    {
        yield return OnGuest("msr.xss", "zero", "IA32_XSS takes 0", static (run, vcpu) => Keeps(run, vcpu, MsrIndex.Ia32Xss, 0), CaseNeed.Msr(MsrIndex.Ia32Xss), CaseNeed.Feature("xsaves"));
        yield return OnGuest("msr.xss", "supported", "IA32_XSS takes what KVM supports and the guest CPUID promises, or 0 only", static (run, vcpu) =>
        {
            if (run.Host.SupportedXss is not { } supported || supported.Value.IsEmpty || run.Behaviours.MsrXss is not { } rule)
            {
                run.Undecided("KVM here supports no supervisor component, or the snapshot does not say msr.xss");
                return;
            }

            run.Expect($"KVM_SET_MSRS of MSR DA0H = {supported.Value}", rule == Kvm.Behaviours.MsrXss.GuestSupported ? Errno.None : Errno.EINVAL, vcpu.SetMsr(MsrIndex.Ia32Xss, supported.Value.Bits));
        }, CaseNeed.Msr(MsrIndex.Ia32Xss), CaseNeed.Feature("xsaves"));
        foreach (XFeature feature in XFeatureTable.All.ToArray().Where(static feature => feature.IsSupervisor))
        {
            yield return OnGuest("msr.xss", feature.Name, "IA32_XSS with a component that KVM does not support is refused", (run, vcpu) =>
            {
                if (run.Host.SupportedXss is not { } supported || supported.Value[feature.Component])
                {
                    run.Undecided($"KVM here supports {feature.Name}, or the snapshot does not say supportedXss");
                    return;
                }

                run.Refuses($"KVM_SET_MSRS of MSR DA0H with bit {feature.Component}", vcpu.SetMsr(MsrIndex.Ia32Xss, 1UL << feature.Component));
            }, CaseNeed.Msr(MsrIndex.Ia32Xss), CaseNeed.Feature("xsaves"));
        }

        foreach (uint index in (uint[])[MsrIndex.Ia32Xfd, MsrIndex.Ia32XfdErr])
        {
            yield return OnGuest("msr.xfd", $"{index:x}-unpromised", "IA32_XFD and IA32_XFD_ERR take only dynamic components that the guest CPUID promises", (run, vcpu)
                => run.Refuses($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x40000", vcpu.SetMsr(index, 1UL << 18)), CaseNeed.Msr(index)).Also("X25");
            yield return ConformanceCase.Of("msr.xfd", $"{index:x}-promised", "IA32_XFD and IA32_XFD_ERR take a promised dynamic component and no other", [CaseNeed.Msr(index), CaseNeed.Dynamic], run =>
            {
                if (DynamicGuests.Vcpu(run) is { } vcpu)
                {
                    run.Takes($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x40000", vcpu.SetMsr(index, 1UL << 18));
                    run.Refuses($"KVM_SET_MSRS of {KnownMsrs.Describe(index)} = 0x4", vcpu.SetMsr(index, 4));
                }
            });
        }
    }

    private static IEnumerable<ConformanceCase> Paravirtual()
    {
        foreach ((uint index, string feature) in (IEnumerable<(uint, string)>)
            [(0x11, "kvmclock"), (0x12, "kvmclock"), (0x4b564d00, "kvmclock2"), (0x4b564d01, "kvmclock2"), (0x4b564d02, "kvm-asyncpf"), (0x4b564d03, "kvm-steal-time"),
            (0x4b564d04, "kvm-pv-eoi"), (0x4b564d05, "kvm-poll-control"), (0x4b564d06, "kvm-asyncpf-int"), (0x4b564d07, "kvm-asyncpf-int"), (0x4b564d08, "kvm-migration-control")])
        {
            yield return ConformanceCase.Of("msr.pv-feature", $"{index:x}", "Once the VMM enforces PV CPUID, a PV MSR without its feature is refused", [CaseNeed.Msr(index), CaseNeed.Capability("KVM_CAP_ENFORCE_PV_FEATURE_CPUID")], run =>
            {
                if (run.Vcpu(CpuidTable.Empty, static vm => vm.CreateIrqChip()) is not { } vcpu)
                {
                    return;
                }

                string name = KnownMsrs.Describe(index);
                if (!run.Takes($"KVM_GET_MSRS of {name} before enforcing", vcpu.GetMsr(index).WithoutValue())
                    || !run.Takes("KVM_ENABLE_CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID)", vcpu.Cpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 1)))
                {
                    return;
                }

                run.Refuses($"KVM_SET_MSRS of {name} = 0x1000, {feature} not promised", vcpu.SetMsr(index, 0x1000));
                KvmAnswer<ulong> read = vcpu.GetMsr(index);
                if (read.Ok)
                {
                    // Kernels from 6.12 on let the VMM read an advertised MSR that the vCPU lacks as 0; the VMX capability MSRs alone they refuse.
                    run.Equal($"{name}, {feature} not promised", 0UL, read.Value);
                }
                else
                {
                    run.Refuses($"KVM_GET_MSRS of {name}, {feature} not promised", read.WithoutValue());
                }
            }).Also("S13");
        }
    }
}
