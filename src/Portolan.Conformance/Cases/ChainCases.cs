using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;

namespace Portolan.Conformance.Cases;

/// <summary>A vCPU's state taken from one VM into another: nothing that the guest was promised may be lost on the way (XS-2, contract C9, C10, X33).</summary>
internal static class ChainCases
{
    private const byte Sign = 0xa5;
    private const int XmmAt = 160;
    private const ulong Cr4Osxsave = 1UL << 18;

    public static IEnumerable<ConformanceCase> All() => [.. RoundTrips(), .. OverSaved()];

    private static IEnumerable<ConformanceCase> RoundTrips()
    {
        foreach (RestoreOrder order in RestoreOrder.All)
        {
            yield return new($"chain.round-trip/{order.Name}", ["C9", "C10", "S2"], $"A vCPU's whole state, restored into another VM in the order of {order.Name}, is equal there", [], run => RoundTrip(run, order));
        }
    }

    private static void RoundTrip(CaseRun run, RestoreOrder order)
    {
        GuestContract contract = new() { Cpuid = run.Everything };
        if (run.Vcpu(run.Everything) is not { } source || run.Vcpu(run.Everything) is not { } destination || !Distinguish(run, source)
            || !run.Has("what to save", TransferPlan.From(run.System, source.Vm, contract), out TransferPlan plan))
        {
            return;
        }

        VcpuTransfer transfer = new(plan);
        VcpuTransfer back = new(plan);
        if (!run.Takes("the state of the source", transfer.Capture(source.Cpu)))
        {
            return;
        }

        RestoreResult result = transfer.Restore(destination.Cpu, order);
        if (run.Check(result.Outcome == RestoreOutcome.Complete, "the whole state restored", Stopped(result.Failed)) && run.Takes("the state of the destination", back.Capture(destination.Cpu)))
        {
            StateDifference[] differences = [.. VcpuStateComparison.Compare(transfer.ToState(0), back.ToState(0)).Where(static one => one.Counts)];
            run.Check(differences.Length == 0, "no difference", $"differences: {string.Join("; ", differences.Take(3).Select(static one => one.ToString()))}");
        }
    }

    private static string Stopped(TransferStep step)
        => $"refused: {step.Part}{(step.RefusedMsr is { } msr ? $", {KnownMsrs.Describe(msr.Index)} = 0x{msr.Value:x}" : $", {step.Answer}")}";

    private static bool Distinguish(CaseRun run, CaseVcpu vcpu)
    {
        byte[] image = CaseVcpu.Image(run.Supported.IsEmpty ? XFeatureMask.Legacy : run.Plain);
        image[XmmAt] = Sign;
        return run.Takes("KVM_SET_REGS", vcpu.Cpu.SetRegs(new KvmRegs { Rip = 0x1000, Rflags = 2, R15 = 0x1122334455667788 }))
            && run.Takes("KVM_SET_MSRS of IA32_SYSENTER_EIP", vcpu.SetMsr(MsrIndex.Ia32SysenterEip, 0x4000))
            && run.Takes("KVM_SET_XSAVE", vcpu.Cpu.SetXsave(image));
    }

    /// <summary>XS-2: the image of a kernel that saved too much, taken over this kernel; the guest looks before and after.</summary>
    private static IEnumerable<ConformanceCase> OverSaved() =>
    [
        Chain("cpuid", "the guest reads the same CPUID", static (run, before, after) =>
        {
            foreach (uint leaf in (uint[])[0, 1, 7, 0xd, 0x80000000, 0x80000001, 0x80000008])
            {
                GuestAnswer<CpuidValues> first = before.Cpu.Guest.Cpuid(leaf, 0);
                if (first.Fault == GuestFault.NotDecidable)
                {
                    run.Undecided($"CPUID in the guest: {first}");
                    return;
                }

                run.Guest($"CPUID with EAX = 0x{leaf:x} after the chain", after.Cpu.Guest.Cpuid(leaf, 0), first.Value);
            }
        }),
        Chain("xcr0", "the guest reads the same XCR0", static (run, before, after) =>
        {
            GuestAnswer<XFeatureMask> first = before.Cpu.Guest.Xgetbv(0);
            if (first.Fault == GuestFault.NotDecidable)
            {
                run.Undecided($"XGETBV in the guest: {first}");
                return;
            }

            run.Guest("XGETBV after the chain", after.Cpu.Guest.Xgetbv(0), first.Value, first.Fault);
        }),
        Chain("xcr0-of-kvm", "KVM_GET_XCRS answers the same XCR0", static (run, before, after) =>
        {
            if (run.Has("KVM_GET_XCRS before", before.Cpu.GetXcrs(), out KvmXcrs first) && run.Has("KVM_GET_XCRS after", after.Cpu.GetXcrs(), out KvmXcrs second))
            {
                run.Equal("XCR0", first.Entries[0].Value, second.Entries[0].Value);
            }
        }),
        Chain("registers", "the promised registers are the same", static (run, before, after) =>
        {
            if (before.GetXsave() is { } first && after.GetXsave() is { } second && before.Promised() is { } promised)
            {
                run.Equal($"byte {XmmAt} of the image", (uint)Sign, second[XmmAt]);
                run.Equal("promised components in use", (CaseVcpu.XstateBv(first) & promised).Bits, (CaseVcpu.XstateBv(second) & promised).Bits);
                run.Check(first.AsSpan(0, 416).SequenceEqual(second.AsSpan(0, 416)), "the same x87 and SSE registers", "others");
            }
        }),
        Chain("msrs", "the guest reads the same MSRs", static (run, before, after) =>
        {
            foreach (uint index in (uint[])[MsrIndex.Ia32SysenterEip, MsrIndex.Ia32Pat, MsrIndex.Ia32Star])
            {
                GuestAnswer<ulong> first = before.Cpu.Guest.Rdmsr(index);
                if (first.Fault == GuestFault.NotDecidable)
                {
                    run.Undecided($"RDMSR in the guest: {first}");
                    return;
                }

                run.Guest($"RDMSR of {KnownMsrs.Describe(index)} after the chain", after.Cpu.Guest.Rdmsr(index), first.Value, first.Fault);
            }
        }),
    ];

    private static ConformanceCase Chain(string variant, string what, Action<CaseRun, CaseVcpu, CaseVcpu> look)
        => new($"chain.xs-2/{variant}", ["xsave.get.lost", "xsave.get.dropped", "X33"], $"Over an image with a component that the guest was never promised, saved again without it, {what}", [CaseNeed.Xsave], run =>
        {
            if (Unpromised(run) is not { } component || Enter(run) is not { } before || Enter(run) is not { } middle || Enter(run) is not { } after)
            {
                return;
            }

            byte[] image = CaseVcpu.Image(XFeatureMask.Legacy | XFeatureMask.Of(component));
            image[XmmAt] = Sign;
            if (run.Behaviours.XsaveSetMask is XsaveSetMask.Guest or XsaveSetMask.GuestAndLegacy && before.Promised() is { } promised && !promised[component])
            {
                run.Undecided($"xsave.set-mask is the guest's here: an image with component {component} is refused (XS-1)");
                return;
            }

            if (run.Takes("KVM_SET_XSAVE of the over-saved image", before.Cpu.SetXsave(image)) && run.Takes("the same at the first hop", middle.Cpu.SetXsave(image))
                && middle.GetXsave() is { } saved && run.Takes("KVM_SET_XSAVE of what the first hop saved", after.Cpu.SetXsave(saved)))
            {
                look(run, before, after);
            }
        });

    /// <summary>The highest component that the guest of these cases is not promised.</summary>
    private static int? Unpromised(CaseRun run)
    {
        int[] rest = [.. run.Plain.Except(XFeatureMask.Legacy).Components()];
        if (rest.Length > 0)
        {
            return rest[^1];
        }

        run.Undecided("KVM here supports x87 and SSE only");
        return null;
    }

    /// <summary>A vCPU whose guest is promised x87 and SSE alone, with OSXSAVE set where it may be.</summary>
    private static CaseVcpu? Enter(CaseRun run)
    {
        if (run.Vcpu(run.Promising(XFeatureMask.Legacy)) is not { } vcpu)
        {
            return null;
        }

        if (run.Offers("xsave") is true)
        {
            _ = run.Takes("KVM_SET_SREGS with CR4.OSXSAVE", vcpu.SetSregs(static registers => registers with { Cr4 = registers.Cr4 | Cr4Osxsave }))
                && run.Takes("KVM_SET_XCRS of 0x3", vcpu.Cpu.SetXcrs(KvmXcrs.Xcr0(XFeatureMask.Legacy.Bits)));
        }

        return run.Takes("KVM_SET_MSRS of IA32_SYSENTER_EIP", vcpu.SetMsr(MsrIndex.Ia32SysenterEip, 0x4000)) ? vcpu : null;
    }
}
