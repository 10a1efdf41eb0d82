using System.Buffers.Binary;
using Portolan.Kvm.Behaviours;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_GET_XSAVE and KVM_GET_XSAVE2: what an image keeps and leaves out (contract 1.2 to 1.6).</summary>
internal static class XsaveGetCases
{
    private const int X87RegistersAt = 32;
    private const int XmmAt = 160;
    private const int SwReservedAt = 464;
    private const int XcompBvAt = 520;
    private const int HeaderEnd = 576;
    private const byte Sign = 0x5a;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Kept(), .. Dropped(), .. Sizes(), .. Words(),
    ];

    /// <summary>Components whose bytes may be any: a sign in them survives a load.</summary>
    private static IEnumerable<XFeature> Signable()
        => XFeatureTable.User.Except(XFeatureTable.Dynamic | XFeatureMask.Of(XFeatureTable.Get("bndcsr").Component) | XFeatureMask.Of(XFeatureTable.Get("xtilecfg").Component))
            .Components().Select(static component => XFeatureTable.TryFind(component, out XFeature? feature) ? feature : throw new InvalidOperationException());

    private static IEnumerable<ConformanceCase> Kept()
    {
        foreach (XFeature feature in Signable())
        {
            yield return ConformanceCase.Of("xsave.get.lost", feature.Name, "KVM_GET_XSAVE returns a promised component as KVM_SET_XSAVE loaded it", [CaseNeed.Component(feature)], run =>
            {
                XFeatureMask bv = XFeatureMask.Legacy | XFeatureMask.Of(feature.Component);
                if (run.Vcpu(run.Everything) is { } vcpu && PlaceOf(run, feature) is { } place
                    && run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {bv}", vcpu.Cpu.SetXsave(Signed(bv, place))) && vcpu.GetXsave() is { } got)
                {
                    run.Check(bv.IsSubsetOf(CaseVcpu.XstateBv(got)), $"XSTATE_BV with {bv}", $"XSTATE_BV = {CaseVcpu.XstateBv(got)}");
                    run.Equal($"byte {place} of KVM_GET_XSAVE", (uint)Sign, got[place]);
                }
            });
            yield return ConformanceCase.Of("xsave.get.lost", $"{feature.Name}-initial", "KVM_SET_XSAVE of an image without a component puts it into its initial state", [CaseNeed.Component(feature)], run =>
            {
                XFeatureMask bv = XFeatureMask.Legacy | XFeatureMask.Of(feature.Component);
                if (run.Vcpu(run.Everything) is not { } vcpu || PlaceOf(run, feature) is not { } place)
                {
                    return;
                }

                XFeatureMask without = bv.Except(XFeatureMask.Of(feature.Component));
                if (run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {bv}", vcpu.Cpu.SetXsave(Signed(bv, place)))
                    && run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {without}", vcpu.Cpu.SetXsave(CaseVcpu.Image(without))) && vcpu.GetXsave() is { } got)
                {
                    bool pkru = feature.Component == XFeatureTable.Pkru.Component;
                    run.Equal($"byte {place} of KVM_GET_XSAVE", pkru && CaseVcpu.XstateBv(got)[feature.Component] ? Sign : 0u, got[place]);
                }
            }).Also("X14");
        }

        yield return ConformanceCase.Of("xsave.get.lost", "without-leaf-0dh", "KVM_GET_XSAVE returns x87 and SSE of a guest without leaf 0DH", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu() is not { } vcpu || !run.Takes("KVM_SET_XSAVE with XSTATE_BV = 0x3 before SET_CPUID2", vcpu.Cpu.SetXsave(Signed(XFeatureMask.Legacy, XmmAt)))
                || !run.Takes("KVM_SET_CPUID2 without leaf 0DH", vcpu.Cpu.SetCpuid2(run.Without("xsave"))) || vcpu.Promised() is not { } promised || vcpu.GetXsave() is not { } got)
            {
                return;
            }

            if (run.Behaviours.XsaveGetMask is null)
            {
                run.Undecided("the snapshot does not say xsave.get-mask");
                return;
            }

            bool loses = run.Behaviours.XsaveGetMask == XsaveGetMask.Guest && !promised.Overlaps(XFeatureMask.Legacy);
            run.Equal("XSTATE_BV of KVM_GET_XSAVE", loses ? 0UL : XFeatureMask.Legacy.Bits, CaseVcpu.XstateBv(got).Bits);
            run.Equal($"byte {XmmAt} of KVM_GET_XSAVE", loses ? 0u : Sign, got[XmmAt]);
            if (loses)
            {
                run.Deviates("xsave.get-mask = guest: this kernel loses the x87 and SSE state of a guest without leaf 0DH (contract X21, XS-8)");
            }
        }).Also("X16", "X32");
    }

    private static byte[] Signed(XFeatureMask bv, int place)
    {
        byte[] image = CaseVcpu.Image(bv);
        image[place] = Sign;
        return image;
    }

    /// <summary>Where a component's first byte stands on this host; null, and the case undecided, if the snapshot does not say.</summary>
    private static int? PlaceOf(CaseRun run, XFeature feature)
    {
        if (feature.Component <= 1)
        {
            return feature.Component == 0 ? X87RegistersAt : XmmAt;
        }

        CpuidTable? table = run.Host.NativeCpuid?.Value ?? run.Host.SupportedCpuid?.Value;
        if (table is not null && table.TryGet(XsaveLeaf.Leaf, (uint)feature.Component, out CpuidValues place) && place.Ebx != 0)
        {
            return (int)place.Ebx;
        }

        run.Undecided($"the snapshot does not say where {feature.Name} stands in the image");
        return null;
    }

    private static IEnumerable<ConformanceCase> Dropped()
    {
        foreach (XFeature feature in Signable().Where(static feature => feature.Component > 1))
        {
            yield return ConformanceCase.Of("xsave.get.dropped", feature.Name, "KVM_GET_XSAVE leaves out a component that the guest was never promised", [CaseNeed.Component(feature)], run => DroppedCase(run, feature));
        }

        yield return ConformanceCase.Of("xsave.get.dropped", "before-cpuid", "Before SET_CPUID2 KVM_GET_XSAVE returns x87 and SSE, or all that the host has enabled", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu() is not { } vcpu || !run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {run.Plain}", vcpu.Cpu.SetXsave(CaseVcpu.Image(run.Plain))) || vcpu.GetXsave() is not { } got)
            {
                return;
            }

            if (run.Behaviours.XsaveBeforeCpuid is not { } behaviour)
            {
                run.Undecided("the snapshot does not say xsave.before-cpuid");
                return;
            }

            XFeatureMask expected = behaviour == XsaveBeforeCpuid.Legacy ? run.Plain & XFeatureMask.Legacy : run.Plain;
            run.Equal("XSTATE_BV of KVM_GET_XSAVE", expected.Bits, CaseVcpu.XstateBv(got).Bits);
        }).Also("X29");
    }

    private static void DroppedCase(CaseRun run, XFeature feature)
    {
        XFeatureMask bv = XFeatureMask.Legacy | XFeatureMask.Of(feature.Component);
        if (run.Vcpu() is not { } vcpu || PlaceOf(run, feature) is not { } place
            || !run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {bv} before SET_CPUID2", vcpu.Cpu.SetXsave(Signed(bv, place)))
            || !run.Takes("KVM_SET_CPUID2 promising x87 and SSE", vcpu.Cpu.SetCpuid2(run.Promising(XFeatureMask.Legacy)))
            || vcpu.Promised() is not { } promised || vcpu.GetXsave() is not { } got)
        {
            return;
        }

        if (promised[feature.Component])
        {
            run.Undecided($"KVM here promises {feature.Name} to every guest: it rewrites leaf 0DH");
            return;
        }

        if (run.Behaviours.XsaveGetMask is null)
        {
            run.Undecided("the snapshot does not say xsave.get-mask");
            return;
        }

        bool keeps = run.Behaviours.XsaveGetMask == XsaveGetMask.Default;
        run.Equal($"XSTATE_BV[{feature.Component}] of KVM_GET_XSAVE", keeps, CaseVcpu.XstateBv(got)[feature.Component]);
        run.Equal($"byte {place} of KVM_GET_XSAVE", keeps ? Sign : 0u, got[place]);
        if (keeps)
        {
            run.Deviates("xsave.get-mask = default: this kernel saves components that the guest was never promised (contract X21)");
        }
    }

    private static IEnumerable<ConformanceCase> Sizes() =>
    [
        ConformanceCase.Of("xsave.get.size", "", "KVM_GET_XSAVE of a vCPU with a dynamic component is refused", [CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Vcpu(run) is { } vcpu)
            {
                run.Refuses("KVM_GET_XSAVE", vcpu.Cpu.GetXsave(new byte[CaseVcpu.LegacyImage]));
            }
        }),
        ConformanceCase.Of("xsave.get.size", "dynamic-content", "KVM_GET_XSAVE2 returns a dynamic component as KVM_SET_XSAVE loaded it", [CaseNeed.Dynamic], DynamicContent),
        ConformanceCase.Of("xsave.get.xsave2-absent", "", "KVM_GET_XSAVE2 is refused where KVM_CAP_XSAVE2 is 0", [CaseNeed.Behaviour("xsave.xsave2", "absent")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Equal("KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2)", 0, run.System.CheckExtension(KvmCapability.Xsave2).ValueOr(0));
                run.Refuses("KVM_GET_XSAVE2", vcpu.Cpu.GetXsave2(new byte[CaseVcpu.LegacyImage]));
            }
        }),
        ConformanceCase.Of("xsave.get.xsave2-absent", "present", "KVM_GET_XSAVE2 answers what KVM_GET_XSAVE answers", [CaseNeed.Behaviour("xsave.xsave2", "present")], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || !run.Has("KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2)", vcpu.Vm.CheckExtension(KvmCapability.Xsave2), out int size)
                || !run.Takes("KVM_SET_XSAVE", vcpu.Cpu.SetXsave(Signed(XFeatureMask.Legacy, XmmAt))) || vcpu.GetXsave() is not { } first)
            {
                return;
            }

            byte[] second = new byte[Math.Max(size, CaseVcpu.LegacyImage)];
            run.Check(size >= CaseVcpu.LegacyImage, "KVM_CAP_XSAVE2 of 4096 or more", $"KVM_CAP_XSAVE2 of {size}");
            run.Takes("KVM_GET_XSAVE2", vcpu.Cpu.GetXsave2(second));
            run.Check(second.AsSpan(0, first.Length).SequenceEqual(first), "the same 4096 bytes", "other bytes");
        }),
        ConformanceCase.Of("xsave.get.buffer", "", "KVM_GET_XSAVE into a buffer of 4095 bytes is not written", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Expect("KVM_GET_XSAVE into 4095 bytes", Errno.EFAULT, vcpu.Cpu.GetXsave(new byte[CaseVcpu.LegacyImage - 1]));
            }
        }),
        ConformanceCase.Of("xsave.get.buffer", "dynamic", "KVM_GET_XSAVE2 of a vCPU with a dynamic component into 4096 bytes is not written", [CaseNeed.Dynamic], static run =>
        {
            if (DynamicGuests.Vcpu(run) is { } vcpu)
            {
                run.Expect("KVM_GET_XSAVE2 into 4096 bytes", Errno.EFAULT, vcpu.Cpu.GetXsave2(new byte[CaseVcpu.LegacyImage]));
            }
        }).Also("X20"),
    ];

    private static void DynamicContent(CaseRun run)
    {
        XFeature feature = XFeatureTable.Get("xtiledata");
        if (DynamicGuests.Vcpu(run) is not { } vcpu || PlaceOf(run, feature) is not { } place || !run.Has("KVM_CAP_XSAVE2", vcpu.Vm.CheckExtension(KvmCapability.Xsave2), out int size))
        {
            return;
        }

        XFeatureMask bv = XFeatureMask.Legacy | XFeatureTable.Dynamic;
        byte[] image = CaseVcpu.Image(bv, size);
        image[place] = Sign;
        byte[] got = new byte[size];
        if (run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {bv}", vcpu.Cpu.SetXsave(image)) && run.Takes("KVM_GET_XSAVE2", vcpu.Cpu.GetXsave2(got)))
        {
            run.Equal("XSTATE_BV of KVM_GET_XSAVE2", bv.Bits, CaseVcpu.XstateBv(got).Bits);
            run.Equal($"byte {place} of KVM_GET_XSAVE2", (uint)Sign, got[place]);
        }
    }

    private static IEnumerable<ConformanceCase> Words() =>
    [
        new("xsave.get/header", ["X1", "X2"], "XCOMP_BV and the reserved bytes of KVM_GET_XSAVE are 0", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Takes($"KVM_SET_XSAVE with XSTATE_BV = {run.Plain}", vcpu.Cpu.SetXsave(CaseVcpu.Image(run.Plain))) && vcpu.GetXsave() is { } got)
            {
                run.Check(!got.AsSpan(XcompBvAt..HeaderEnd).ContainsAnyExcept((byte)0), "bytes 520 to 575 all 0", "a byte that is not 0");
            }
        }),
        new("xsave.get/sw-reserved", ["X5"], "Bytes 464 to 471 of KVM_GET_XSAVE are the host's components, or the guest's own", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || vcpu.GetXsave() is not { } got)
            {
                return;
            }

            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(got.AsSpan(SwReservedAt));
            switch (run.Behaviours.XsaveSwReserved)
            {
                case XsaveSwReserved.Untouched:
                    run.Equal("bytes 464 to 471", 0UL, word);
                    break;
                case XsaveSwReserved.HostMask when run.Host.HostXcr0 is { } mask:
                    run.Equal("bytes 464 to 471", mask.Value.Bits, word);
                    break;
                default:
                    run.Undecided("the snapshot does not say xsave.sw-reserved, or hostXcr0");
                    break;
            }
        }),
        new("xsave.set/refused-changes-nothing", ["X10"], "An image that is refused changes nothing in the vCPU", [CaseNeed.Xsave], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || !run.Takes("KVM_SET_XSAVE", vcpu.Cpu.SetXsave(Signed(XFeatureMask.Legacy, XmmAt))) || vcpu.GetXsave() is not { } before)
            {
                return;
            }

            byte[] bad = Signed(XFeatureMask.Legacy | XFeatureMask.Of(62), X87RegistersAt);
            run.Check(vcpu.Cpu.SetXsave(bad).Errno == Errno.EINVAL, "KVM_SET_XSAVE with XSTATE_BV[62]: EINVAL", "KVM_SET_XSAVE with XSTATE_BV[62] taken");
            run.Check(vcpu.GetXsave() is { } after && after.AsSpan().SequenceEqual(before), "the image as before the refusal", "another image");
        }),
    ];
}
