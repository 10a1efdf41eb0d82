namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_SREGS and KVM_SET_SREGS2: which system registers are taken (contract C7, C8).</summary>
internal static class SregsCases
{
    private const ulong Cr0Pe = 1UL << 0;
    private const ulong Cr0Pg = 1UL << 31;
    private const ulong Cr0Nw = 1UL << 29;
    private const ulong Cr0Cd = 1UL << 30;
    private const ulong Cr4Pae = 1UL << 5;
    private const ulong EferLme = 1UL << 8;
    private const ulong EferLma = 1UL << 10;
    private const ulong ApicX2 = 1UL << 10;
    private const ulong ApicEnable = 1UL << 11;
    private const int Width = 40;
    private const uint AddressSizes = 0x80000008;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. LongMode(), .. Cr0(), .. Cr3(), .. Cr4(), .. Efer(), .. ApicBase(), .. Sregs2(),
    ];

    private static KvmSystemRegisters Long(KvmSystemRegisters registers) => registers with
    {
        Cr0 = Cr0Pe | Cr0Pg,
        Cr3 = 0x1000,
        Cr4 = registers.Cr4 | Cr4Pae,
        Efer = EferLme | EferLma,
        Cs = registers.Cs with { L = 1, Db = 0 },
    };

    private static ConformanceCase Case(string clause, string variant, string statement, bool taken, Func<KvmSystemRegisters, KvmSystemRegisters> edit, params CaseNeed[] needs)
        => ConformanceCase.Of(clause, variant, statement, needs, run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                Ask(run, vcpu, variant, taken, edit);
            }
        });

    private static void Ask(CaseRun run, CaseVcpu vcpu, string variant, bool taken, Func<KvmSystemRegisters, KvmSystemRegisters> edit)
    {
        if (!run.Has("KVM_GET_SREGS", vcpu.Cpu.GetSregs(), out KvmSregs before))
        {
            return;
        }

        string asked = $"KVM_SET_SREGS, {(variant.Length == 0 ? "edited" : variant)}";
        KvmSystemRegisters wanted = edit(before.Registers);
        KvmAnswer answer = vcpu.Cpu.SetSregs(before with { Registers = wanted });
        if (!taken)
        {
            _ = run.Refuses(asked, answer) && run.Has("KVM_GET_SREGS", vcpu.Cpu.GetSregs(), out KvmSregs after)
                && run.Equal("CR0, CR3, CR4 and EFER after the refusal", Controls(before.Registers), Controls(after.Registers));
        }
        else if (run.Takes(asked, answer) && run.Has("KVM_GET_SREGS", vcpu.Cpu.GetSregs(), out KvmSregs now))
        {
            run.Equal("CR4 and EFER of KVM_GET_SREGS", $"0x{wanted.Cr4:x} 0x{wanted.Efer:x}", $"0x{now.Registers.Cr4:x} 0x{now.Registers.Efer:x}");
        }
    }

    /// <summary>A bit that is too much: CR4 always refuses it, EFER where KVM looks beyond the modes.</summary>
    private static void AskBeyond(string register, CaseRun run, CaseVcpu vcpu, string variant, Func<KvmSystemRegisters, KvmSystemRegisters> edit)
    {
        bool taken = register == "sregs.efer" && run.Behaviours.SregsEfer == Kvm.Behaviours.SregsEfer.ModesOnly;
        if (register == "sregs.efer" && run.Behaviours.SregsEfer is null)
        {
            run.Undecided("it is not known whether KVM_SET_SREGS looks at EFER here");
            return;
        }

        Ask(run, vcpu, variant, taken, edit);
    }

    private static string Controls(in KvmSystemRegisters registers) => $"0x{registers.Cr0:x} 0x{registers.Cr3:x} 0x{registers.Cr4:x} 0x{registers.Efer:x}";

    private static IEnumerable<ConformanceCase> LongMode() =>
    [
        Case("sregs.long-mode", "legal", "KVM_SET_SREGS takes 64-bit mode", true, Long, CaseNeed.Feature("lm")),
        Case("sregs.long-mode", "without-pae", "EFER.LME with CR0.PG needs CR4.PAE", false, static r => Long(r) with { Cr4 = r.Cr4 & ~Cr4Pae }, CaseNeed.Feature("lm")),
        Case("sregs.long-mode", "without-lma", "EFER.LME with CR0.PG needs EFER.LMA", false, static r => Long(r) with { Efer = EferLme }, CaseNeed.Feature("lm")),
        Case("sregs.long-mode", "lma-without-lme", "EFER.LMA needs EFER.LME", false, static r => Long(r) with { Efer = EferLma, Cs = r.Cs }, CaseNeed.Feature("lm")),
        Case("sregs.long-mode", "lma-without-paging", "EFER.LMA needs CR0.PG", false, static r => r with { Efer = EferLme | EferLma }, CaseNeed.Feature("lm")),
        Case("sregs.long-mode", "cs-l-without-lme", "CS.L needs long mode", false, static r => r with { Cs = r.Cs with { L = 1 } }),
        Case("sregs.long-mode", "protected", "KVM_SET_SREGS takes protected mode without paging", true, static r => r with { Cr0 = Cr0Pe }),
    ];

    private static IEnumerable<ConformanceCase> Cr0() =>
    [
        Case("sregs.cr0", "upper-half", "CR0[63:32] is 0", false, static r => r with { Cr0 = r.Cr0 | 1UL << 32 }),
        Case("sregs.cr0", "bit-63", "CR0[63:32] is 0", false, static r => r with { Cr0 = r.Cr0 | 1UL << 63 }),
        Case("sregs.cr0", "nw-without-cd", "CR0.NW needs CR0.CD", false, static r => r with { Cr0 = (r.Cr0 | Cr0Nw) & ~Cr0Cd }),
        Case("sregs.cr0", "pg-without-pe", "CR0.PG needs CR0.PE", false, static r => r with { Cr0 = Cr0Pg }),
        Case("sregs.cr0", "paging", "KVM_SET_SREGS takes 32-bit paging", true, static r => r with { Cr0 = Cr0Pe | Cr0Pg, Cr3 = 0x1000 }),
    ];

    /// <summary>Everything with the guest's physical-address width stated.</summary>
    private static CpuidTable Narrow(CaseRun run) => run.Table("address width 40", static table
        => CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic).With(AddressSizes, 0, table.GetOrZero(AddressSizes) with { Eax = 48 << 8 | Width }));

    private static IEnumerable<ConformanceCase> Cr3()
    {
        foreach ((int bit, bool taken) in ((int, bool)[])[(12, true), (Width - 1, true), (Width, false), (51, false), (60, false), (63, false)])
        {
            yield return ConformanceCase.Of("sregs.cr3", $"bit-{bit}", "In 64-bit mode CR3 fits the guest's physical-address width", [CaseNeed.Feature("lm")], run =>
            {
                if (run.Vcpu(Narrow(run)) is { } vcpu)
                {
                    Ask(run, vcpu, $"CR3[{bit}] with {Width} address bits", taken, r => Long(r) with { Cr3 = 1UL << bit });
                }
            }).Also("C7");
        }

        yield return Case("sregs.cr3", "outside-long-mode", "Outside 64-bit mode CR3 is not held to the width", true, static r => r with { Cr3 = 1UL << 60 });
    }

    private static IEnumerable<ConformanceCase> Cr4()
    {
        foreach (int bit in (int[])[15, 19, 24, 29, 30, 31, 32, 63])
        {
            yield return Case("sregs.cr4.reserved", $"bit-{bit}", "CR4 has no reserved bits", false, r => r with { Cr4 = r.Cr4 | 1UL << bit });
        }

        foreach (IGrouping<int, GatedBit> bit in GatedBits.Cr4.GroupBy(static row => row.Bit))
        {
            string[] features = [.. bit.Select(static row => row.Feature.Name)];
            foreach (ConformanceCase one in Gated("sregs.cr4", features, r => r with { Cr4 = r.Cr4 | 1UL << bit.Key }))
            {
                yield return one;
            }
        }
    }

    /// <summary>A bit behind features: taken with them, refused without in the guest, refused without in the host.</summary>
    private static IEnumerable<ConformanceCase> Gated(string register, string[] features, Func<KvmSystemRegisters, KvmSystemRegisters> edit)
    {
        string name = string.Join('-', features);
        string word = register == "sregs.cr4" ? "CR4" : "EFER";
        CaseNeed offered = new($"CPUID {name}", run => features.Any(feature => run.Offers(feature) is true) ? null : $"KVM here does not support {name}");
        CaseNeed absent = new($"no CPUID {name}", run => features.All(feature => run.Offers(feature) is false) ? null : $"KVM here supports {name}, or it is not known");
        yield return Case($"{register}.guest", $"{name}-promised", $"A bit of {word} whose feature the guest CPUID has is taken", true, edit, offered);
        yield return ConformanceCase.Of($"{register}.guest", name, $"A bit of {word} whose feature the guest CPUID lacks is refused", [offered], run =>
        {
            if (run.Vcpu(run.Without(features)) is { } vcpu)
            {
                AskBeyond(register, run, vcpu, name, edit);
            }
        });
        yield return ConformanceCase.Of($"{register}.host", name, $"A bit of {word} whose feature KVM does not support is refused, even if the guest CPUID has it", [absent], run =>
        {
            CpuidTable wanted = run.Table($"everything with {name}", table => features.Aggregate(
                CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic), static (edited, feature) => edited.WithValue(FeatureTable.Get(feature), 1)));
            if (run.Vcpu(wanted) is { } vcpu)
            {
                AskBeyond(register, run, vcpu, name, edit);
            }
        });
    }

    private static IEnumerable<ConformanceCase> Efer()
    {
        foreach (int bit in (int[])[1, 7, 9, 16, 22, 32, 63])
        {
            yield return ConformanceCase.Of("sregs.efer.host", $"bit-{bit}", "EFER has no reserved bits, where KVM_SET_SREGS looks at it", [], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu)
                {
                    AskBeyond("sregs.efer", run, vcpu, $"bit-{bit}", r => r with { Efer = r.Efer | 1UL << bit });
                }
            });
        }

        foreach (string feature in GatedBits.Efer.Where(static row => row.Bit > 10).Select(static row => row.Feature.Name))
        {
            int bit = GatedBits.Efer.First(row => row.Feature.Name == feature).Bit;
            foreach (ConformanceCase one in Gated("sregs.efer", [feature], r => r with { Efer = r.Efer | 1UL << bit }))
            {
                yield return one;
            }
        }
    }

    private static IEnumerable<ConformanceCase> ApicBase()
    {
        foreach (int bit in (int[])[0, 7, 9])
        {
            yield return Case("sregs.apic-base", $"bit-{bit}", "APIC_BASE has no reserved bits", false, r => r with { ApicBase = r.ApicBase | 1UL << bit });
        }

        yield return Case("sregs.apic-base", "x2apic-disabled", "x2APIC needs the APIC enabled", false, static r => r with { ApicBase = (r.ApicBase | ApicX2) & ~ApicEnable });
        yield return ConformanceCase.Of("sregs.apic-base", "x2apic-not-promised", "x2APIC needs the feature in the guest CPUID", [], static run =>
        {
            if (run.Vcpu(run.Without("x2apic")) is { } vcpu)
            {
                Ask(run, vcpu, "x2APIC", false, static r => r with { ApicBase = r.ApicBase | ApicX2 | ApicEnable });
            }
        });
        yield return ConformanceCase.Of("sregs.apic-base", "beyond-width", "APIC_BASE lies within the guest's physical-address width", [], static run =>
        {
            if (run.Vcpu(Narrow(run)) is { } vcpu)
            {
                Ask(run, vcpu, $"APIC_BASE[{Width}] with {Width} address bits", false, static r => r with { ApicBase = r.ApicBase | 1UL << Width });
            }
        });
    }

    private static IEnumerable<ConformanceCase> Sregs2() =>
    [
        ConformanceCase.Of("sregs.sregs2-absent", "", "KVM_GET_SREGS2 and KVM_SET_SREGS2 are refused where KVM_CAP_SREGS2 is 0", [CaseNeed.NoCapability("KVM_CAP_SREGS2")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_GET_SREGS2", vcpu.Cpu.GetSregs2().WithoutValue());
                run.Refuses("KVM_SET_SREGS2", vcpu.Cpu.SetSregs2(default));
            }
        }),
        Two("present", "KVM_SET_SREGS2 takes what KVM_GET_SREGS2 answered", true, static given => given),
        Two("reserved-flag", "KVM_SET_SREGS2 has no other flag than PDPTRS_VALID", false, static given => given with { Flags = 2 }),
        Two("without-pae", "PDPTRs are given in PAE paging only", false, static given => given with { Flags = 1 }),
        ConformanceCase.Of("sregs.pdptrs", "pae", "KVM_SET_SREGS2 keeps the PDPTRs of PAE paging", [CaseNeed.Capability("KVM_CAP_SREGS2")], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || !run.Has("KVM_GET_SREGS2", vcpu.Cpu.GetSregs2(), out KvmSregs2 given))
            {
                return;
            }

            KvmSystemRegisters pae = given.Registers with { Cr0 = Cr0Pe | Cr0Pg, Cr3 = 0x1000, Cr4 = Cr4Pae };
            if (run.Takes("KVM_SET_SREGS2 in PAE paging", vcpu.Cpu.SetSregs2(new KvmSregs2(pae, 1, 0x2001, 0x3001, 0x4001, 0x5001)))
                && run.Has("KVM_GET_SREGS2", vcpu.Cpu.GetSregs2(), out KvmSregs2 got))
            {
                run.Equal("flags and PDPTRs of KVM_GET_SREGS2", (1UL, 0x2001UL, 0x3001UL, 0x4001UL, 0x5001UL), (got.Flags, got.Pdptr0, got.Pdptr1, got.Pdptr2, got.Pdptr3));
            }
        }),
    ];

    private static ConformanceCase Two(string variant, string statement, bool taken, Func<KvmSregs2, KvmSregs2> edit)
        => ConformanceCase.Of("sregs.pdptrs", variant, statement, [CaseNeed.Capability("KVM_CAP_SREGS2")], run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Has("KVM_GET_SREGS2", vcpu.Cpu.GetSregs2(), out KvmSregs2 given))
            {
                run.Expect($"KVM_SET_SREGS2, {variant}", taken ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetSregs2(edit(given)));
            }
        });
}
