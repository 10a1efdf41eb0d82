namespace Portolan.Conformance.Cases;

/// <summary>The system and the VM: permissions, capabilities, memory, clock, TSC, single registers (contract X8, X23, X38, M20, S3, S4, S16).</summary>
internal static class MachineCases
{
    private const int Page = 4096;

    public static IEnumerable<ConformanceCase> All() => [.. Permission(), .. Attribute(), .. Capabilities(), .. Machine(), .. Memory(), .. Clock(), .. Tsc(), .. OneReg()];

    private static IEnumerable<ConformanceCase> Permission()
    {
        CaseNeed known = CaseNeed.Behaviour("xsave.dynamic", "permission");
        foreach (int component in (int[])[32, 63, 64, 1000])
        {
            yield return ConformanceCase.Of("permission.unknown-component", $"{component}", "ARCH_REQ_XCOMP_GUEST_PERM takes component numbers that the kernel knows", [known], run
                => run.Refuses($"ARCH_REQ_XCOMP_GUEST_PERM({component})", run.System.RequestXcompGuestPermission(component)));
        }

        foreach (XFeature feature in XFeatureTable.All.ToArray().Where(static feature => !feature.IsDynamic && feature.Component < 18))
        {
            yield return ConformanceCase.Of("permission.not-requestable", feature.Name, "Only dynamic components can be requested", [known], run
                => run.Expect($"ARCH_REQ_XCOMP_GUEST_PERM({feature.Component})", Errno.EOPNOTSUPP, run.System.RequestXcompGuestPermission(feature.Component)));
        }

        yield return ConformanceCase.Of("permission.not-requestable", "xtiledata", "A dynamic component that the host lacks cannot be requested", [known, CaseNeed.NoComponent(18)], static run =>
        {
            if (run.Host.HostXcr0?.Value[18] is true)
            {
                run.Undecided("the host kernel has the component");
                return;
            }

            run.Expect("ARCH_REQ_XCOMP_GUEST_PERM(18)", Errno.EOPNOTSUPP, run.System.RequestXcompGuestPermission(18));
        });
        yield return ConformanceCase.Of("permission.not-requestable", "absent", "A kernel without guest permissions refuses the request", [CaseNeed.Behaviour("xsave.dynamic", "absent")], static run =>
        {
            run.Refuses("ARCH_REQ_XCOMP_GUEST_PERM(18)", run.System.RequestXcompGuestPermission(18));
            run.Refuses("ARCH_GET_XCOMP_GUEST_PERM", run.System.GetXcompGuestPermission().WithoutValue());
        });
        yield return ConformanceCase.Of("permission.locked", "", "Permission is requested before the process creates its first vCPU", [known, CaseNeed.Dynamic, CaseNeed.OwnProcess], static run =>
        {
            if (run.Vcpu() is not null)
            {
                run.Expect("ARCH_REQ_XCOMP_GUEST_PERM(18) after KVM_CREATE_VCPU", Errno.EBUSY, run.System.RequestXcompGuestPermission(18));
            }
        });
        yield return ConformanceCase.Of("permission.locked", "again", "A permission that the process has can be requested again", [known, CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Permit(run) && run.Vcpu() is not null)
            {
                run.Takes("ARCH_REQ_XCOMP_GUEST_PERM(18) again", run.System.RequestXcompGuestPermission(18));
                run.Check(run.System.GetXcompGuestPermission() is { Ok: true } has && has.Value[18], "component 18 in ARCH_GET_XCOMP_GUEST_PERM", "another set");
            }
        }).Also("X23");
    }

    private static IEnumerable<ConformanceCase> Attribute() =>
    [
        ConformanceCase.Of("system.attribute-absent", "", "KVM_X86_XCOMP_GUEST_SUPP does not exist on this kernel", [CaseNeed.Behaviour("xsave.xcomp-guest-supp", "absent")], static run
            => run.Refuses("KVM_GET_DEVICE_ATTR(KVM_X86_XCOMP_GUEST_SUPP)", run.System.GetXcompGuestSupp().WithoutValue())),
        ConformanceCase.Of("system.attribute-absent", "present", "KVM_X86_XCOMP_GUEST_SUPP tells what KVM supports", [CaseNeed.Behaviour("xsave.xcomp-guest-supp", "present")], static run =>
        {
            if (run.Has("KVM_GET_DEVICE_ATTR(KVM_X86_XCOMP_GUEST_SUPP)", run.System.GetXcompGuestSupp(), out XFeatureMask supported) && run.Has("KVM_GET_SUPPORTED_CPUID", run.System.GetSupportedCpuid(), out CpuidTable table))
            {
                run.Equal("KVM_X86_XCOMP_GUEST_SUPP", run.Supported.Bits, supported.Bits);
                run.Check(XsaveLeaf.Xcr0(table).IsSubsetOf(supported), $"leaf 0DH within {supported}", $"leaf 0DH offers {XsaveLeaf.Xcr0(table)}");
            }
        }).Also("X8"),
    ];

    private static IEnumerable<ConformanceCase> Capabilities()
    {
        const ulong Top = 1UL << 62;
        yield return ConformanceCase.Of("capability.unknown", "vm", "KVM_ENABLE_CAP of a capability that this KVM lacks is refused", [], static run
            => Missing(run, CapabilityScope.Vm, (number) => run.Vm()?.EnableCapability(number)));
        yield return ConformanceCase.Of("capability.unknown", "vcpu", "KVM_ENABLE_CAP on a vCPU of a capability that this KVM lacks is refused", [], static run
            => Missing(run, CapabilityScope.Vcpu, (number) => run.Vcpu(run.Everything)?.Cpu.EnableCapability(number)));
        yield return ConformanceCase.Of("capability.quirks", "unknown", "Only quirks that KVM knows can be disabled", [CaseNeed.Capability("KVM_CAP_DISABLE_QUIRKS2")], static run =>
        {
            if (run.Vm() is { } vm)
            {
                run.Refuses("KVM_ENABLE_CAP(KVM_CAP_DISABLE_QUIRKS2) with bit 62", vm.EnableCapability(KvmCapability.DisableQuirks2, Top));
            }
        });
        yield return ConformanceCase.Of("capability.quirks", "all", "Every quirk that KVM_CAP_DISABLE_QUIRKS2 names can be disabled", [CaseNeed.Capability("KVM_CAP_DISABLE_QUIRKS2")], static run =>
        {
            if (run.Vm() is { } vm)
            {
                run.Takes("KVM_ENABLE_CAP(KVM_CAP_DISABLE_QUIRKS2)", vm.EnableCapability(KvmCapability.DisableQuirks2, (ulong)run.Capability("KVM_CAP_DISABLE_QUIRKS2")!.Value));
            }
        });
        yield return ConformanceCase.Of("capability.quirks", "old", "KVM_CAP_DISABLE_QUIRKS takes any", [CaseNeed.Capability("KVM_CAP_DISABLE_QUIRKS")], static run =>
        {
            if (run.Vm() is { } vm)
            {
                run.Takes("KVM_ENABLE_CAP(KVM_CAP_DISABLE_QUIRKS) with bit 62", vm.EnableCapability(KvmCapability.DisableQuirks, Top));
            }
        }).Also("S16");
        yield return ConformanceCase.Of("capability.argument", "x2apic-api", "KVM_CAP_X2APIC_API takes the bits that it knows", [CaseNeed.Capability("KVM_CAP_X2APIC_API")], static run =>
        {
            if (run.Vm() is { } vm)
            {
                run.Takes("KVM_ENABLE_CAP(KVM_CAP_X2APIC_API) with 0x3", vm.EnableCapability(KvmCapability.X2apicApi, 3));
                run.Refuses("KVM_ENABLE_CAP(KVM_CAP_X2APIC_API) with bit 62", vm.EnableCapability(KvmCapability.X2apicApi, Top));
            }
        }).Also("S22");
    }

    private static readonly string[] Telling =
    [
        "KVM_CAP_DISABLE_QUIRKS2", "KVM_CAP_EXCEPTION_PAYLOAD", "KVM_CAP_X2APIC_API", "KVM_CAP_X86_NOTIFY_VMEXIT", "KVM_CAP_X86_TRIPLE_FAULT_EVENT",
        "KVM_CAP_HYPERV_ENFORCE_CPUID", "KVM_CAP_HYPERV_SYNIC", "KVM_CAP_HYPERV_SYNIC2", "KVM_CAP_ENFORCE_PV_FEATURE_CPUID",
    ];

    private static void Missing(CaseRun run, CapabilityScope scope, Func<uint, KvmAnswer?> enable)
    {
        // Some capabilities take an empty argument even where they do nothing; these do not.
        CapabilityFact? missing = KvmCapability.All.FirstOrDefault(one => one.EnabledOn == scope && Telling.Contains(one.Name) && run.Capability(one.Name) == 0);
        if (missing is null)
        {
            run.Undecided($"KVM here has {string.Join(", ", Telling)}, as far as the snapshot says");
        }
        else if (enable(missing.Number) is { } answer)
        {
            run.Refuses($"KVM_ENABLE_CAP({missing.Name})", answer);
        }
    }

    private static IEnumerable<ConformanceCase> Machine() =>
    [
        ConformanceCase.Of("vm.vcpu-exists", "", "A vCPU id is created once", [], static run =>
        {
            if (run.Vcpu() is { } vcpu)
            {
                KvmAnswer<IKvmVcpu> again = vcpu.Vm.CreateVcpu(0);
                run.Expect("KVM_CREATE_VCPU of id 0 again", Errno.EEXIST, again.WithoutValue());
                using IDisposable? made = again.Ok ? again.Value : null;
            }
        }),
        ConformanceCase.Of("vm.irqchip", "twice", "The interrupt controller is created once", [], static run =>
        {
            if (run.Vm() is { } vm && run.Takes("KVM_CREATE_IRQCHIP", vm.CreateIrqChip()))
            {
                run.Expect("KVM_CREATE_IRQCHIP again", Errno.EEXIST, vm.CreateIrqChip());
            }
        }),
        ConformanceCase.Of("vm.irqchip", "after-vcpu", "The interrupt controller is created before the first vCPU", [], static run =>
        {
            if (run.Vcpu() is { } vcpu)
            {
                run.Refuses("KVM_CREATE_IRQCHIP after KVM_CREATE_VCPU", vcpu.Vm.CreateIrqChip());
            }
        }),
    ];

    private static IEnumerable<ConformanceCase> Memory() =>
    [
        Slot("unaligned-address", "A memory slot begins at a page", Errno.EINVAL, static vm => vm.SetUserMemoryRegion(0, 0x1800, Page)),
        Slot("unaligned-size", "A memory slot is a whole number of pages", Errno.EINVAL, static vm => vm.SetUserMemoryRegion(0, 0x1000, Page + 0x800)),
        Slot("overlap", "Memory slots do not overlap", Errno.EEXIST, static vm => vm.SetUserMemoryRegion(0, 0x1000, 2 * Page) is { Ok: true } ? vm.SetUserMemoryRegion(1, 0x2000, Page) : KvmAnswer.Done),
        Slot("adjacent", "Memory slots may touch", Errno.None, static vm => vm.SetUserMemoryRegion(0, 0x1000, Page) is { Ok: true } ? vm.SetUserMemoryRegion(1, 0x2000, Page) : new KvmAnswer(Errno.EINVAL)),
        Slot("removed", "A slot that was removed leaves room", Errno.None, static vm => vm.SetUserMemoryRegion(0, 0x1000, Page) is { Ok: true } && vm.SetUserMemoryRegion(0, 0x1000, 0) is { Ok: true } ? vm.SetUserMemoryRegion(1, 0x1000, Page) : new KvmAnswer(Errno.EINVAL)),
        Slot("remove-absent", "A slot that is not there cannot be removed", Errno.EINVAL, static vm => vm.SetUserMemoryRegion(7, 0, 0)),
    ];

    private static ConformanceCase Slot(string variant, string statement, Errno expected, Func<IKvmVm, KvmAnswer> ask)
        => ConformanceCase.Of("vm.memory", variant, statement, [], run =>
        {
            if (run.Vm() is { } vm)
            {
                run.Expect("KVM_SET_USER_MEMORY_REGION", expected, ask(vm));
            }
        });

    private static IEnumerable<ConformanceCase> Clock()
    {
        const long Realtime = 4;
        foreach (int bit in (int[])[0, 1, 2, 3, 4, 31])
        {
            yield return ConformanceCase.Of("vm.clock", $"bit-{bit}", "KVM_SET_CLOCK takes the flags that KVM_GET_CLOCK may answer on this kernel, and no other", [CaseNeed.Capability("KVM_CAP_ADJUST_CLOCK")], run =>
            {
                if (run.Vm() is { } vm)
                {
                    bool knows = (run.Capability("KVM_CAP_ADJUST_CLOCK") & Realtime) != 0 && bit is 1 or 2 or 3;
                    run.Expect($"KVM_SET_CLOCK with flag {1U << bit}", knows && (run.Capability("KVM_CAP_ADJUST_CLOCK") & Realtime) != 0 ? Errno.None : Errno.EINVAL, vm.SetClock(new KvmClock(1_000_000_000, 1U << bit, 1_700_000_000_000_000_000)));
                }
            });
        }

        yield return ConformanceCase.Of("vm.clock", "plain", "KVM_SET_CLOCK without flags is taken, and the clock goes on from there", [CaseNeed.Capability("KVM_CAP_ADJUST_CLOCK")], static run =>
        {
            const ulong Second = 1_000_000_000;
            if (run.Vm() is { } vm && run.Takes("KVM_SET_CLOCK of 1000 s", vm.SetClock(new KvmClock(1000 * Second))) && run.Has("KVM_GET_CLOCK", vm.GetClock(), out KvmClock got))
            {
                run.Check(got.Nanoseconds is >= 1000 * Second and < 1100 * Second, "1000 s to 1100 s", $"{got.Nanoseconds} ns");
            }
        }).Also("S4");
    }

    private static IEnumerable<ConformanceCase> Tsc() =>
    [
        Frequency("host", "The host's own frequency is taken", static (own, _) => (own, true)),
        Frequency("zero", "0 stands for the host's own frequency", static (_, _) => (0, true)),
        Frequency("faster", "A faster TSC is taken, with scaling or without", static (own, _) => (own + own / 10, true)),
        Frequency("slower", "A slower TSC needs scaling", static (own, scales) => (own / 2, scales)),
        Frequency("within-tolerance", "A frequency within the tolerance needs no scaling", static (own, _) => (own - own / 10000, true)),
    ];

    private static ConformanceCase Frequency(string variant, string statement, Func<uint, bool, (uint Khz, bool Taken)> make)
        => ConformanceCase.Of("tsc.khz", variant, statement, [CaseNeed.Capability("KVM_CAP_GET_TSC_KHZ")], run =>
        {
            if (run.Capability("KVM_CAP_TSC_CONTROL") is not { } scaling)
            {
                run.Undecided("the snapshot does not say KVM_CAP_TSC_CONTROL");
                return;
            }

            // A new vCPU has the host's frequency. The snapshot's may be older: a kernel refines it in the first seconds after boot.
            if (run.Vcpu(run.Everything) is not { } vcpu || !run.Has("KVM_GET_TSC_KHZ of a new vCPU", vcpu.Cpu.GetTscKhz(), out uint own))
            {
                return;
            }

            (uint khz, bool taken) = make(own, scaling != 0);
            if (run.Expect($"KVM_SET_TSC_KHZ of {khz}, host {own}", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetTscKhz(khz))
                && taken && run.Has("KVM_GET_TSC_KHZ", vcpu.Cpu.GetTscKhz(), out uint got))
            {
                // After a refusal kernels answer the refused frequency, the model the one before: neither is promised.
                run.Equal("KVM_GET_TSC_KHZ", khz == 0 ? own : khz, got);
            }
        }).Also("M20", "S3");

    private static IEnumerable<ConformanceCase> OneReg()
    {
        const ulong Unknown = 0x2030_00ff_0000_0000;
        yield return ConformanceCase.Of("one-reg.unknown", "id", "KVM_GET_ONE_REG of a register that x86 does not have is refused", [], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_GET_ONE_REG of 0x203000ff00000000", vcpu.Cpu.GetOneReg(Unknown).WithoutValue());
                run.Refuses("KVM_SET_ONE_REG of 0x203000ff00000000", vcpu.Cpu.SetOneReg(Unknown, 0));
            }
        });
        yield return ConformanceCase.Of("one-reg.unknown", "ssp", "KVM_GET_ONE_REG does not exist on this kernel", [CaseNeed.Behaviour("vcpu.one-reg", "absent")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_GET_ONE_REG of GUEST_SSP", vcpu.Cpu.GetOneReg(KvmRegisterId.GuestSsp).WithoutValue());
                run.Refuses("KVM_GET_REG_LIST", vcpu.Cpu.GetRegList().WithoutValue());
            }
        });
        yield return ConformanceCase.Of("one-reg.ssp", "unpromised", "GUEST_SSP needs SHSTK in the guest CPUID", [CaseNeed.Behaviour("vcpu.one-reg", "present")], static run =>
        {
            if (run.Vcpu(run.Without("shstk")) is { } vcpu)
            {
                run.Refuses("KVM_GET_ONE_REG of GUEST_SSP", vcpu.Cpu.GetOneReg(KvmRegisterId.GuestSsp).WithoutValue());
                run.Refuses("KVM_SET_ONE_REG of GUEST_SSP", vcpu.Cpu.SetOneReg(KvmRegisterId.GuestSsp, 0x1000));
            }
        });
        yield return ConformanceCase.Of("one-reg.ssp", "kept", "GUEST_SSP is taken and read back, and KVM_GET_REG_LIST names it", [CaseNeed.Behaviour("vcpu.one-reg", "present"), CaseNeed.Feature("shstk")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Takes("KVM_SET_ONE_REG of GUEST_SSP", vcpu.Cpu.SetOneReg(KvmRegisterId.GuestSsp, 0x7000))
                && run.Has("KVM_GET_ONE_REG of GUEST_SSP", vcpu.Cpu.GetOneReg(KvmRegisterId.GuestSsp), out ulong got) && run.Has("KVM_GET_REG_LIST", vcpu.Cpu.GetRegList(), out var list))
            {
                run.Equal("GUEST_SSP", 0x7000UL, got);
                run.Check(list.Contains(KvmRegisterId.GuestSsp), "GUEST_SSP in KVM_GET_REG_LIST", "a list without it");
            }
        }).Also("X38");
    }
}
