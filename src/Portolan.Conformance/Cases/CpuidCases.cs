using Portolan.Kvm.Behaviours;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_CPUID2 and what KVM makes of the table (contract C1 to C6), and the lists of Hyper-V leaves (E3, E18).</summary>
internal static class CpuidCases
{
    /// <summary>A range of leaves that neither a CPU, KVM nor Hyper-V uses.</summary>
    private const uint UnusedLeaves = 0x4fff0000;

    private const uint AddressSizes = 0x80000008;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Entries(), .. Widths(), .. Permission(), .. AfterRun(), .. RunTime(), .. Hyperv(),
    ];

    private static IEnumerable<ConformanceCase> Entries()
    {
        foreach (int count in (int[])[0, 1, 80, 81, 256, 257])
        {
            yield return ConformanceCase.Of("cpuid.set.max-entries", $"{count}", "KVM_SET_CPUID2 takes as many entries as the kernel's maximum and no more", [], run =>
            {
                if (run.Vcpu() is not { } vcpu)
                {
                    return;
                }

                CpuidTable table = CpuidTable.From(Enumerable.Range(0, count).Select(static i => new CpuidEntry(new CpuidAddress(UnusedLeaves + (uint)i, 0), false, default)));
                int? most = run.Behaviours.CpuidMaxEntries switch
                {
                    CpuidMaxEntries._80 => 80,
                    CpuidMaxEntries._256 => 256,
                    _ => count <= 80 ? 80 : count > 256 ? 256 : null,
                };
                if (most is not { } limit)
                {
                    run.Undecided("the snapshot does not say cpuid.max-entries");
                    return;
                }

                run.Expect($"KVM_SET_CPUID2 with {count} entries", count > limit ? Errno.E2BIG : Errno.None, vcpu.Cpu.SetCpuid2(table));
            });
        }
    }

    private static IEnumerable<ConformanceCase> Widths()
    {
        foreach (uint width in (uint[])[0, 1, 32, 39, 47, 48, 49, 52, 56, 57, 58, 64, 255])
        {
            yield return ConformanceCase.Of("cpuid.set.linear-width", $"{width}", "KVM_SET_CPUID2 takes a linear-address width of 0, 48 or 57 bits", [], run =>
            {
                if (run.Vcpu() is { } vcpu)
                {
                    CpuidTable table = CpuidTable.Empty.With(AddressSizes, 0, new CpuidValues(width << 8 | 40, 0, 0, 0));
                    run.Expect($"KVM_SET_CPUID2 with CPUID.80000008H:EAX[15:8] = {width}", width is 0 or 48 or 57 ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetCpuid2(table));
                }
            });
        }
    }

    private static IEnumerable<ConformanceCase> Permission() =>
    [
        ConformanceCase.Of("cpuid.set.dynamic-permission", "", "KVM_SET_CPUID2 with a dynamic component needs the process's permission", [CaseNeed.Dynamic, CaseNeed.OwnProcess], static run =>
        {
            CpuidTable table = run.Table("with dynamic components", static table => table);
            if (!XsaveLeaf.Xcr0(table).Overlaps(XFeatureTable.Dynamic))
            {
                CpuidValues leaf = table.GetOrZero(XsaveLeaf.Leaf);
                table = table.With(XsaveLeaf.Leaf, 0, leaf with { Eax = leaf.Eax | (uint)(run.Supported & XFeatureTable.Dynamic).Bits });
            }

            if (run.Vcpu() is { } vcpu)
            {
                run.Expect("KVM_SET_CPUID2 without the permission", Errno.EPERM, vcpu.Cpu.SetCpuid2(table));
            }
        }),
        ConformanceCase.Of("cpuid.set.dynamic-permission", "granted", "KVM_SET_CPUID2 with a dynamic component is taken with the permission", [CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Vcpu(run) is { } vcpu && vcpu.Promised() is { } promised)
            {
                run.Check(promised.Overlaps(XFeatureTable.Dynamic), "a dynamic component in the guest CPUID", $"leaf 0DH promises {promised}");
            }
        }).Also("X9"),
    ];

    private static IEnumerable<ConformanceCase> AfterRun() =>
    [
        ConformanceCase.Of("cpuid.set.after-run", "equal", "After the first KVM_RUN the same CPUID table is taken, or none", [], static run =>
        {
            if (Ran(run) is not { } vcpu || run.Behaviours.CpuidAfterRun is not { } rule)
            {
                return;
            }

            if (vcpu.Cpuid() is { } kept)
            {
                run.Expect("KVM_SET_CPUID2 of what KVM_GET_CPUID2 answers, after KVM_RUN", rule == CpuidAfterRun.Refused ? Errno.EINVAL : Errno.None, vcpu.Cpu.SetCpuid2(kept));
            }
        }),
        ConformanceCase.Of("cpuid.set.after-run", "other", "After the first KVM_RUN another CPUID table is refused", [], static run =>
        {
            if (Ran(run) is not { } vcpu || run.Behaviours.CpuidAfterRun is not { } rule)
            {
                return;
            }

            run.Expect("KVM_SET_CPUID2 of another table after KVM_RUN", rule == CpuidAfterRun.Replaces ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetCpuid2(run.Without("popcnt")));
            if (rule == CpuidAfterRun.Replaces)
            {
                run.Deviates("cpuid.after-run = replaces: this kernel lets a vCPU that ran be given another CPUID (contract C5)");
            }
        }),
    ];

    /// <summary>A vCPU with everything that ran once; null, and the case undecided, if it cannot be had.</summary>
    private static CaseVcpu? Ran(CaseRun run)
    {
        if (run.Behaviours.CpuidAfterRun is null)
        {
            run.Undecided("the snapshot does not say cpuid.after-run");
            return null;
        }

        return run.Vcpu(run.Everything) is { } vcpu && vcpu.RunOnce() ? vcpu : null;
    }

    private static IEnumerable<ConformanceCase> RunTime() =>
    [
        new("cpuid.run-time/osxsave", ["C4", "S17"], "CPUID.01H:ECX[27] follows CR4.OSXSAVE", [CaseNeed.Feature("xsave")], static run
            => Follows(run, "osxsave", static registers => registers with { Cr4 = registers.Cr4 | 1UL << 18 })),
        new("cpuid.run-time/ospke", ["C4", "S17"], "CPUID.07H:ECX[4] follows CR4.PKE", [CaseNeed.Feature("pku")], static run
            => Follows(run, "ospke", static registers => registers with { Cr4 = registers.Cr4 | 1UL << 22 })),
        new("cpuid.run-time/apic", ["C4", "S17"], "CPUID.01H:EDX[9] follows IA32_APIC_BASE[11]", [CaseNeed.Feature("apic")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && vcpu.Cpuid() is { } before
                && run.Equal("CPUID.01H:EDX[9] with the APIC enabled", true, before.Has("apic"))
                && run.Takes("KVM_SET_SREGS with IA32_APIC_BASE[11] = 0", vcpu.SetSregs(static registers => registers with { ApicBase = registers.ApicBase & ~(1UL << 11) }))
                && vcpu.Cpuid() is { } after)
            {
                run.Equal("CPUID.01H:EDX[9] with the APIC disabled", false, after.Has("apic"));
            }
        }),
        new("cpuid.run-time/xsave-size", ["C4"], "CPUID.(EAX=0DH,ECX=0):EBX is the size of what XCR0 enables", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || vcpu.Cpuid() is not { } before)
            {
                return;
            }

            run.Equal("CPUID.(EAX=0DH,ECX=0):EBX with XCR0 = 0x1", (uint)XsaveLayout.MinimumSize, before.GetOrZero(XsaveLeaf.Leaf).Ebx);
            CpuidTable hardware = run.Host.NativeCpuid?.Value ?? run.Everything;
            if (XsaveLayout.TryFrom(hardware, out XsaveLayout layout, out _)
                && run.Takes($"KVM_SET_XCRS of {run.Plain}", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(run.Plain.Bits))) && vcpu.Cpuid() is { } after)
            {
                run.Equal($"CPUID.(EAX=0DH,ECX=0):EBX with XCR0 = {run.Plain}", (uint)layout.TotalSize(run.Plain), after.GetOrZero(XsaveLeaf.Leaf).Ebx);
            }
        }),
        new("cpuid.rewrite/leaf-0dh", ["C4"], "KVM_SET_CPUID2 changes nothing of leaf 0DH but its run-time sizes", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Promising(XFeatureMask.Legacy)) is not { } vcpu || vcpu.Cpuid() is not { } kept)
            {
                return;
            }

            switch (run.Behaviours.CpuidRewrite)
            {
                case CpuidRewrite.None:
                    run.Equal("CPUID.(EAX=0DH,ECX=0):EAX of KVM_GET_CPUID2", XsaveLeaf.Xcr0(run.Promising(XFeatureMask.Legacy)).Bits, XsaveLeaf.Xcr0(kept).Bits);
                    break;
                case CpuidRewrite.Leaf0dFromHardware:
                    run.Check(!XsaveLeaf.Xcr0(kept).IsSubsetOf(XFeatureMask.Legacy), "the hardware's own leaf 0DH", $"CPUID.(EAX=0DH,ECX=0):EAX = {XsaveLeaf.Xcr0(kept)}");
                    run.Deviates("cpuid.rewrite = leaf-0d-from-hardware: this KVM writes the CPU's own leaf 0DH into every guest CPUID");
                    break;
                default:
                    run.Undecided("the snapshot does not say cpuid.rewrite");
                    break;
            }
        }),
        new("cpuid.kept/everything", ["C4", "S1"], "KVM_GET_CPUID2 answers the table of KVM_SET_CPUID2 but for run-time fields", [], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && vcpu.Cpuid() is { } kept)
            {
                bool rewritten = run.Behaviours.CpuidRewrite == CpuidRewrite.Leaf0dFromHardware;
                CpuidDifference[] differences = [.. CpuidDiff.Compare(run.Everything, kept).Where(one => !rewritten || !one.Place.Contains("EAX=0DH", StringComparison.Ordinal))];
                run.Check(differences.Length == 0, "no difference", $"differences: {string.Join("; ", differences.Take(5).Select(static one => one.Place))}");
            }
        }),
        new("cpuid.guest/everything", ["C4", "S1"], "The guest reads each leaf as KVM_GET_CPUID2 answers it", [], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || vcpu.Cpuid() is not { } kept)
            {
                return;
            }

            foreach (CpuidEntry entry in kept.Entries.ToArray().Where(static entry => entry.Address.Leaf is 0 or 1 or 7 or 0xd or 0x80000000 or 0x80000001 or AddressSizes))
            {
                if (!run.Guest($"CPUID with EAX = 0x{entry.Address.Leaf:x}, ECX = 0x{entry.Address.Subleaf:x}", vcpu.Cpu.Guest.Cpuid(entry.Address.Leaf, entry.Address.Subleaf), entry.Values))
                {
                    return;
                }
            }
        }),
    ];

    private static void Follows(CaseRun run, string feature, Func<KvmSystemRegisters, KvmSystemRegisters> set)
    {
        if (run.Vcpu(run.Everything) is { } vcpu && vcpu.Cpuid() is { } before && run.Equal($"{feature} before", false, before.Has(feature))
            && run.Takes("KVM_SET_SREGS", vcpu.SetSregs(set)) && vcpu.Cpuid() is { } after)
        {
            run.Equal($"{feature} after", true, after.Has(feature));
        }
    }

    private static IEnumerable<ConformanceCase> Hyperv() =>
    [
        ConformanceCase.Of("cpuid.hyperv.system-absent", "", "The system fd refuses KVM_GET_SUPPORTED_HV_CPUID where KVM_CAP_SYS_HYPERV_CPUID is 0", [CaseNeed.NoCapability("KVM_CAP_SYS_HYPERV_CPUID")], static run
            => run.Refuses("KVM_GET_SUPPORTED_HV_CPUID of the system", run.System.GetSupportedHvCpuid().WithoutValue())).Also("cpuid.hyperv.absent"),
        ConformanceCase.Of("cpuid.hyperv.system-absent", "present", "The system fd answers KVM_GET_SUPPORTED_HV_CPUID where KVM_CAP_SYS_HYPERV_CPUID is 1", [CaseNeed.Capability("KVM_CAP_SYS_HYPERV_CPUID")], static run =>
        {
            if (run.Has("KVM_GET_SUPPORTED_HV_CPUID of the system", run.System.GetSupportedHvCpuid(), out CpuidTable table))
            {
                run.Check(HypervisorLeaves.BaseOf(table, CpuidSpace.HyperV) is not null, "the Hyper-V interface leaf", "a table without it");
            }
        }),
        ConformanceCase.Of("cpuid.hyperv.absent", "", "A vCPU refuses KVM_GET_SUPPORTED_HV_CPUID where KVM has no Hyper-V support", [CaseNeed.NoCapability("KVM_CAP_HYPERV_CPUID")], static run =>
        {
            if (run.Vcpu() is { } vcpu)
            {
                run.Refuses("KVM_GET_SUPPORTED_HV_CPUID of a vCPU", vcpu.Cpu.GetSupportedHvCpuid().WithoutValue());
            }
        }),
        ConformanceCase.Of("cpuid.hyperv.absent", "present", "A vCPU answers KVM_GET_SUPPORTED_HV_CPUID where KVM has Hyper-V support", [CaseNeed.Capability("KVM_CAP_HYPERV_CPUID")], static run =>
        {
            if (run.Vcpu() is { } vcpu)
            {
                run.Has("KVM_GET_SUPPORTED_HV_CPUID of a vCPU", vcpu.Cpu.GetSupportedHvCpuid(), out _);
            }
        }),
        new("hyperv.nested-leaf/system", ["E18"], "CPUID.4000000AH offers the bits of this kernel's nested features", [CaseNeed.Capability("KVM_CAP_SYS_HYPERV_CPUID"), CaseNeed.Evmcs], static run =>
        {
            if (!run.Has("KVM_GET_SUPPORTED_HV_CPUID of the system", run.System.GetSupportedHvCpuid(), out CpuidTable table))
            {
                return;
            }

            const uint Nested = 0x4000000a;
            CpuidValues? expected = run.Behaviours.HypervNestedLeaf switch
            {
                HypervNestedLeaf.WithoutEbx => new CpuidValues(0, 0, 0, 0),
                HypervNestedLeaf.MsrBitmap => new CpuidValues(1U << 19, 1, 0, 0),
                HypervNestedLeaf.DirectFlush => new CpuidValues(1U << 19 | 1U << 17, 1, 0, 0),
                _ => null,
            };
            if (expected is not { } bits)
            {
                run.Undecided("the snapshot does not say hyperv.nested-leaf");
                return;
            }

            CpuidValues found = table.GetOrZero(Nested);
            run.Equal("CPUID.4000000AH:EAX[31:16] and EBX", $"0x{bits.Eax >> 16:x} 0x{bits.Ebx:x}", $"0x{found.Eax >> 16:x} 0x{found.Ebx:x}");
        }),
    ];
}
