using System.Buffers.Binary;
using Portolan.Kvm.Behaviours;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_XSAVE: which images are taken (contract 1.3 and 1.6).</summary>
internal static class XsaveSetCases
{
    private const int XcompBvAt = 520;
    private const int ReservedAt = 528;
    private const int ReservedEnd = 576;
    private const ulong Compacted = 1UL << 63;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Unsupported(), .. Unpromised(), .. Header(), .. Mxcsr(), .. Others(),
    ];

    private static string NameOf(int component) => XFeatureTable.TryFind(component, out XFeature? feature) ? feature.Name : $"bit-{component}";

    private static IEnumerable<ConformanceCase> Unsupported()
        => XFeatureTable.User.Except(XFeatureMask.Legacy).Components().Append(8).Append(20).Append(62).Append(63)
            .Select(component => ConformanceCase.Of("xsave.set.supported", NameOf(component), "KVM_SET_XSAVE with a component that KVM does not support is refused and loads nothing", [CaseNeed.Xsave, CaseNeed.NoComponent(component)], run =>
            {
                if (run.Vcpu(run.Everything) is not { } vcpu || vcpu.GetXsave() is not { } before)
                {
                    return;
                }

                XFeatureMask bv = XFeatureMask.Legacy | XFeatureMask.Of(component);
                run.Refuses($"KVM_SET_XSAVE with XSTATE_BV = {bv}", vcpu.Cpu.SetXsave(Marked(CaseVcpu.Image(bv))));
                run.Check(vcpu.GetXsave() is { } after && after.AsSpan().SequenceEqual(before), "the image as before the refusal", "another image after the refusal");
            }).Also("X10"));

    /// <summary>The image with a sign in XMM0.</summary>
    private static byte[] Marked(byte[] image)
    {
        image[160] = 0x5a;
        return image;
    }

    private static IEnumerable<ConformanceCase> Unpromised()
    {
        foreach (int component in XFeatureTable.User.Except(XFeatureMask.Legacy | XFeatureTable.Dynamic).Components())
        {
            XFeature feature = XFeatureTable.Get(NameOf(component));
            yield return ConformanceCase.Of("xsave.set.promised", feature.Name, "KVM_SET_XSAVE with a component that the guest CPUID does not promise is refused where the set mask is the guest's, and taken where it is the host's", [CaseNeed.Component(feature)], run =>
                AfterCpuid(run, run.Promising(XFeatureMask.Legacy), XFeatureMask.Legacy | XFeatureMask.Of(component))).Also("xsave.set.enabled");
        }

        yield return ConformanceCase.Of("xsave.set.promised", "without-leaf-0dh", "KVM_SET_XSAVE of x87 and SSE for a guest without leaf 0DH", [CaseNeed.Xsave], static run =>
            AfterCpuid(run, run.Without("xsave"), XFeatureMask.Legacy));
        yield return ConformanceCase.Of("xsave.set.promised", "everything", "KVM_SET_XSAVE of every promised component is taken", [CaseNeed.Xsave], static run =>
            AfterCpuid(run, run.Everything, run.Plain));
        yield return ConformanceCase.Of("xsave.set.promised", "nothing", "KVM_SET_XSAVE of an image with no component in use is taken", [CaseNeed.Xsave], static run =>
            AfterCpuid(run, run.Everything, XFeatureMask.None));
        yield return ConformanceCase.Of("xsave.set.enabled", "before-cpuid", "Before SET_CPUID2 KVM_SET_XSAVE takes what the host has enabled", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu() is { } vcpu)
            {
                run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {run.Plain}", vcpu.Cpu.SetXsave(CaseVcpu.Image(run.Plain)));
            }
        });
        yield return ConformanceCase.Of("xsave.set.enabled", "dynamic", "KVM_SET_XSAVE with a dynamic component before SET_CPUID2 gave it is refused", [CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Permit(run) && run.Vcpu() is { } vcpu && run.Has("KVM_CAP_XSAVE2", vcpu.Vm.CheckExtension(KvmCapability.Xsave2), out int size))
            {
                XFeatureMask bv = XFeatureMask.Legacy | run.Supported & XFeatureTable.Dynamic;
                run.Refuses($"KVM_SET_XSAVE with XSTATE_BV = {bv}", vcpu.Cpu.SetXsave(CaseVcpu.Image(bv, Math.Max(size, CaseVcpu.LegacyImage))));
            }
        });
    }

    private static void AfterCpuid(CaseRun run, CpuidTable table, XFeatureMask bv)
    {
        if (run.Vcpu(table) is not { } vcpu || vcpu.Promised() is not { } promised)
        {
            return;
        }

        XFeatureMask? taken = run.Behaviours.XsaveSetMask switch
        {
            XsaveSetMask.Supported or XsaveSetMask.Default => run.Enabled,
            XsaveSetMask.Guest => promised,
            XsaveSetMask.GuestAndLegacy => promised | XFeatureMask.Legacy,
            _ => null,
        };
        if (taken is not { } mask)
        {
            run.Undecided("the snapshot does not say xsave.set-mask");
            return;
        }

        if (bv.IsSubsetOf(mask))
        {
            run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {bv}, promised {promised}", vcpu.Cpu.SetXsave(CaseVcpu.Image(bv)));
            return;
        }

        run.Refuses($"KVM_SET_XSAVE with XSTATE_BV = {bv}, promised {promised}", vcpu.Cpu.SetXsave(CaseVcpu.Image(bv)));
        if (!promised.Overlaps(XFeatureMask.Legacy) && bv == XFeatureMask.Legacy)
        {
            run.Deviates("xsave.set-mask = guest: this kernel does not take back the x87 and SSE state of a guest without leaf 0DH (contract X30)");
        }
    }

    private static IEnumerable<ConformanceCase> Header()
    {
        foreach ((string variant, ulong value) in ((string, ulong)[])[("compacted", Compacted), ("one", 1), ("like-xstate-bv", 3), ("compacted-xstate-bv", Compacted | 3)])
        {
            yield return HeaderCase("xsave.set.xcomp-bv", variant, $"XCOMP_BV = 0x{value:x}", image => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XcompBvAt), value));
        }

        for (int at = ReservedAt; at < ReservedEnd; at += sizeof(ulong))
        {
            int word = at;
            yield return HeaderCase("xsave.set.reserved", $"byte-{word}", $"byte {word} = 0x1", image => image[word] = 1);
        }

        yield return HeaderCase("xsave.set.reserved", $"byte-{ReservedEnd - 1}", $"byte {ReservedEnd - 1} = 0x80", static image => image[ReservedEnd - 1] = 0x80);
    }

    private static ConformanceCase HeaderCase(string clause, string variant, string what, Action<byte[]> spoil)
        => ConformanceCase.Of(clause, variant, "KVM_SET_XSAVE of an image whose header says more than XSTATE_BV is refused where the kernel looks at the header", [CaseNeed.Xsave], run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu)
            {
                return;
            }

            byte[] image = CaseVcpu.Image(XFeatureMask.Legacy);
            spoil(image);
            switch (run.Behaviours.XsaveSetHeader)
            {
                case XsaveSetHeader.Strict:
                    run.Refuses($"KVM_SET_XSAVE with {what}", vcpu.Cpu.SetXsave(image));
                    break;
                case XsaveSetHeader.Lenient:
                    run.Takes($"KVM_SET_XSAVE with {what}", vcpu.Cpu.SetXsave(image));
                    run.Deviates("xsave.set-header = lenient: this kernel does not look at the header (contract X12)");
                    break;
                default:
                    run.Undecided("the snapshot does not say xsave.set-header");
                    break;
            }
        });

    private static IEnumerable<ConformanceCase> Mxcsr()
    {
        for (int bit = 16; bit < 32; bit++)
        {
            uint mxcsr = 1U << bit;
            yield return ConformanceCase.Of("xsave.set.mxcsr", $"bit-{bit}", "KVM_SET_XSAVE takes a bit of MXCSR where the host's MXCSR_MASK has it", [CaseNeed.Xsave], run => MxcsrCase(run, XFeatureMask.Legacy, mxcsr));
        }

        foreach (XFeatureMask bv in (XFeatureMask[])[XFeatureMask.None, XFeatureMask.Of(0), XFeatureMask.Of(1), XFeatureMask.Of(2)])
        {
            yield return ConformanceCase.Of("xsave.set.mxcsr", $"xstate-bv-{bv}", "KVM_SET_XSAVE looks at MXCSR where XSTATE_BV loads it, or always", [CaseNeed.Xsave, .. bv[2] ? (CaseNeed[])[CaseNeed.Component(XFeatureTable.Get("avx"))] : []], run => MxcsrCase(run, bv, 1U << 31));
        }
    }

    private static void MxcsrCase(CaseRun run, XFeatureMask bv, uint mxcsr)
    {
        if (run.Vcpu(run.Everything) is not { } vcpu)
        {
            return;
        }

        string asked = $"KVM_SET_XSAVE with XSTATE_BV = {bv} and MXCSR = 0x{mxcsr:x}";
        KvmAnswer answer = vcpu.Cpu.SetXsave(CaseVcpu.Image(bv, mxcsr: mxcsr));
        bool loads = bv.Overlaps(XFeatureMask.Legacy | XFeatureMask.Of(2));
        if (run.Host.MxcsrMask is not { } mask)
        {
            run.Undecided("the snapshot does not say mxcsrMask");
        }
        else if ((mxcsr & ~mask.Value) == 0)
        {
            run.Takes(asked, answer);
        }
        else if (loads || run.Behaviours.XsaveSetMxcsr == XsaveSetMxcsr.Always)
        {
            run.Refuses(asked, answer);
        }
        else if (run.Behaviours.XsaveSetMxcsr is null)
        {
            run.Undecided("the snapshot does not say xsave.set-mxcsr");
        }
        else
        {
            run.Takes(asked, answer);
        }
    }

    private static IEnumerable<ConformanceCase> Others() =>
    [
        ConformanceCase.Of("xsave.set.buffer", "", "KVM_SET_XSAVE from a buffer shorter than the vCPU's image is not read", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Expect("KVM_SET_XSAVE of 4095 bytes", Errno.EFAULT, vcpu.Cpu.SetXsave(CaseVcpu.Image(XFeatureMask.Legacy).AsSpan(..^1)));
            }
        }),
        ConformanceCase.Of("xsave.set.buffer", "dynamic", "KVM_SET_XSAVE of 4096 bytes into a vCPU with a dynamic component is not read", [CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Vcpu(run) is { } vcpu)
            {
                run.Expect("KVM_SET_XSAVE of 4096 bytes", Errno.EFAULT, vcpu.Cpu.SetXsave(CaseVcpu.Image(XFeatureMask.Legacy)));
            }
        }),
        ConformanceCase.Of("xsave.set.without-xsave", "", "A host without XSAVE takes x87 and SSE only", [CaseNeed.NoXsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Takes("KVM_SET_XSAVE with XSTATE_BV = 0x3", vcpu.Cpu.SetXsave(CaseVcpu.Image(XFeatureMask.Legacy)));
                run.Refuses("KVM_SET_XSAVE with XSTATE_BV = 0x7", vcpu.Cpu.SetXsave(CaseVcpu.Image(new XFeatureMask(7))));
            }
        }),
    ];
}
