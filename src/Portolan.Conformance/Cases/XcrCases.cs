namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_XCRS, and XGETBV and XSETBV in the guest (contract C2).</summary>
internal static class XcrCases
{
    private const int MostXcrs = 16;
    private const ulong Cr4Osxsave = 1UL << 18;
    private static readonly XFeatureMask X87 = XFeatureMask.Of(0);
    private static readonly XFeatureMask Sse = XFeatureMask.Of(1);
    private static readonly XFeatureMask Avx = XFeatureMask.Of(2);

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Shapes(), .. Values(), .. Promised(), .. Instructions(),
    ];

    private static IEnumerable<ConformanceCase> Shapes() =>
    [
        ConformanceCase.Of("xcrs.without-xsave", "", "KVM_SET_XCRS is refused on a host without XSAVE", [CaseNeed.NoXsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_SET_XCRS of XCR0 = 0x1", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(1)));
            }
        }),
        ConformanceCase.Of("xcrs.flags", "", "KVM_SET_XCRS with a flags word that is not 0 is refused", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Refuses("KVM_SET_XCRS with flags 1", vcpu.Cpu.SetXcrs(new KvmXcrs(1, [new KvmXcr(0, 1)])));
                run.Refuses("KVM_SET_XCRS with flags 0x80000000", vcpu.Cpu.SetXcrs(new KvmXcrs(1U << 31, [new KvmXcr(0, 1)])));
            }
        }),
        ConformanceCase.Of("xcrs.count", "", "KVM_SET_XCRS with more than 16 registers is refused, with 16 it is not", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Takes("KVM_SET_XCRS of 16 registers", vcpu.Cpu.SetXcrs(Many(MostXcrs)));
                run.Refuses("KVM_SET_XCRS of 17 registers", vcpu.Cpu.SetXcrs(Many(MostXcrs + 1)));
            }
        }),
    ];

    private static KvmXcrs Many(int count) => new(0, [.. Enumerable.Range(0, count).Select(static i => new KvmXcr((uint)i, 1))]);

    private static IEnumerable<ConformanceCase> Values() =>
    [
        Legal("initial", static _ => X87),
        Legal("x87-sse", static run => run.Plain & (X87 | Sse)),
        Legal("everything", static run => run.Plain),
        Legal("everything-again", static run => run.Plain, twice: true),
        Illegal("xcrs.x87", "nothing", static _ => XFeatureMask.None),
        Illegal("xcrs.x87", "sse", static _ => Sse),
        Illegal("xcrs.x87", "everything-else", static run => run.Plain.Except(X87)),
        Illegal("xcrs.avx-needs-sse", "", static _ => X87 | Avx, XFeatureTable.Get("avx")),
        Illegal("xcrs.mpx-pair", "bndregs", static _ => X87 | Of("bndregs"), XFeatureTable.Get("bndregs")),
        Illegal("xcrs.mpx-pair", "bndcsr", static _ => X87 | Of("bndcsr"), XFeatureTable.Get("bndcsr")),
        Illegal("xcrs.avx512-together", "opmask", static _ => X87 | Sse | Avx | Of("opmask"), XFeatureTable.Get("opmask")),
        Illegal("xcrs.avx512-together", "zmm-hi256", static _ => X87 | Sse | Avx | Of("zmm-hi256"), XFeatureTable.Get("opmask")),
        Illegal("xcrs.avx512-together", "hi16-zmm", static _ => X87 | Sse | Avx | Of("hi16-zmm"), XFeatureTable.Get("opmask")),
        Illegal("xcrs.avx512-together", "two-of-three", static _ => X87 | Sse | Avx | Of("opmask") | Of("zmm-hi256"), XFeatureTable.Get("opmask")),
        Illegal("xcrs.avx512-together", "without-avx", static _ => X87 | Sse | XFeatureTable.Group("avx512"), XFeatureTable.Get("opmask")),
        DynamicPair("xtilecfg"),
        DynamicPair("xtiledata"),
    ];

    private static XFeatureMask Of(string name) => XFeatureMask.Of(XFeatureTable.Get(name).Component);

    private static ConformanceCase Legal(string variant, Func<CaseRun, XFeatureMask> value, bool twice = false)
        => ConformanceCase.Of("xcrs.promised", $"legal-{variant}", "KVM_SET_XCRS of a legal, promised XCR0 is taken, and KVM_GET_XCRS answers it", [CaseNeed.Xsave], run =>
        {
            XFeatureMask xcr0 = value(run);
            if (run.Vcpu(run.Everything) is { } vcpu && run.Takes($"KVM_SET_XCRS of {xcr0}", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(xcr0.Bits))))
            {
                _ = twice && run.Takes($"KVM_SET_XCRS of {xcr0} again", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(xcr0.Bits)));
                if (run.Has("KVM_GET_XCRS", vcpu.Cpu.GetXcrs(), out KvmXcrs got))
                {
                    run.Equal("XCR0 of KVM_GET_XCRS", xcr0.Bits, got.Entries.FirstOrDefault().Value);
                    run.Equal("registers of KVM_GET_XCRS", 1, got.Entries.Length);
                }
            }
        });

    private static ConformanceCase Illegal(string clause, string variant, Func<CaseRun, XFeatureMask> value, params XFeature[] needs)
        => ConformanceCase.Of(clause, variant, "KVM_SET_XCRS of an XCR0 that no CPU can hold is refused and changes nothing", [CaseNeed.Xsave, .. needs.Select(CaseNeed.Component)], run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                RefusesXcr0(run, vcpu, value(run));
            }
        });

    private static void RefusesXcr0(CaseRun run, CaseVcpu vcpu, XFeatureMask xcr0)
    {
        run.Refuses($"KVM_SET_XCRS of {xcr0}", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(xcr0.Bits)));
        if (run.Has("KVM_GET_XCRS", vcpu.Cpu.GetXcrs(), out KvmXcrs got))
        {
            run.Equal("XCR0 of KVM_GET_XCRS after the refusal", X87.Bits, got.Entries.FirstOrDefault().Value);
        }
    }

    private static ConformanceCase DynamicPair(string component)
        => ConformanceCase.Of("xcrs.amx-pair", component, "KVM_SET_XCRS with one of the two AMX components is refused", [CaseNeed.Dynamic], run =>
        {
            if (DynamicGuests.Vcpu(run) is { } vcpu)
            {
                RefusesXcr0(run, vcpu, X87 | Of(component));
            }
        });

    private static IEnumerable<ConformanceCase> Promised()
    {
        foreach (int component in XFeatureTable.User.Except(XFeatureMask.Legacy).Components().Append(20).Append(62).Append(63))
        {
            string name = XFeatureTable.TryFind(component, out XFeature? feature) ? feature.Name : $"bit-{component}";
            yield return ConformanceCase.Of("xcrs.promised", $"unpromised-{name}", "KVM_SET_XCRS with a component that the guest CPUID does not promise is refused", [CaseNeed.Xsave], run =>
            {
                if (run.Vcpu(run.Promising(XFeatureMask.Legacy)) is not { } vcpu || vcpu.Promised() is not { } promised)
                {
                    return;
                }

                XFeatureMask wanted = XFeatureMask.Legacy | XFeatureMask.Of(component);
                if (promised[component])
                {
                    run.Undecided($"KVM here promises {name} to every guest: it rewrites leaf 0DH");
                    return;
                }

                RefusesXcr0(run, vcpu, wanted);
            });
        }
    }

    private static IEnumerable<ConformanceCase> Instructions() =>
    [
        ConformanceCase.Of("guest.osxsave", "xgetbv", "XGETBV without CR4.OSXSAVE raises #UD in the guest", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Without("xsave")) is { } vcpu)
            {
                run.Guest("XGETBV with ECX = 0", vcpu.Cpu.Guest.Xgetbv(0), default, GuestFault.UD);
            }
        }),
        ConformanceCase.Of("guest.osxsave", "xsetbv", "XSETBV without CR4.OSXSAVE raises #UD in the guest", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Without("xsave")) is { } vcpu)
            {
                run.Guest("XSETBV of 0x1 with ECX = 0", vcpu.Cpu.Guest.Xsetbv(0, X87), default, GuestFault.UD);
            }
        }),
        InGuest("xcrs.index", "xgetbv", "XGETBV of another register than XCR0 raises #GP", static (run, guest) =>
            run.Guest("XGETBV with ECX = 2", guest.Xgetbv(2), default, GuestFault.GP)),
        InGuest("xcrs.index", "xsetbv", "XSETBV of another register than XCR0 raises #GP", static (run, guest) =>
            run.Guest("XSETBV with ECX = 1", guest.Xsetbv(1, X87), default, GuestFault.GP)),
        InGuest("xcrs.x87", "xsetbv", "XSETBV without XCR0[0] raises #GP", static (run, guest) =>
            run.Guest("XSETBV of 0x2", guest.Xsetbv(0, Sse), default, GuestFault.GP)),
        InGuest("xcrs.avx-needs-sse", "xsetbv", "XSETBV with AVX and without SSE raises #GP", static (run, guest) =>
            run.Guest("XSETBV of 0x5", guest.Xsetbv(0, X87 | Avx), default, GuestFault.GP)),
        InGuest("xcrs.promised", "xsetbv-beyond", "XSETBV with a component that KVM does not support raises #GP", static (run, guest) =>
            run.Guest("XSETBV with bit 62", guest.Xsetbv(0, X87 | XFeatureMask.Of(62)), default, GuestFault.GP)),
        InGuest("xcrs.promised", "xsetbv", "XSETBV of every promised component is taken, and XGETBV and KVM_GET_XCRS answer it", static (run, guest) =>
            run.Guest($"XSETBV of {run.Plain}", guest.Xsetbv(0, run.Plain), run.Plain) && run.Guest("XGETBV with ECX = 0", guest.Xgetbv(0), run.Plain)),
    ];

    private static ConformanceCase InGuest(string clause, string variant, string statement, Func<CaseRun, IGuestCpu, bool> body)
        => ConformanceCase.Of(clause, variant, statement, [CaseNeed.Xsave, CaseNeed.Feature("xsave")], run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu
                && run.Takes("KVM_SET_SREGS with CR4.OSXSAVE", vcpu.SetSregs(static registers => registers with { Cr4 = registers.Cr4 | Cr4Osxsave })))
            {
                _ = body(run, vcpu.Cpu.Guest);
            }
        });
}
