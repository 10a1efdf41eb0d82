using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What the header of a saved image says beside its components.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Compacted">Is XCOMP_BV not 0?</param>
/// <param name="Reserved">Is a reserved byte of the header not 0?</param>
/// <param name="Mxcsr">MXCSR.</param>
internal readonly record struct ImageHeader(int Length, bool Compacted, bool Reserved, uint Mxcsr);

/// <summary>KVM_GET_XSAVE, KVM_SET_XSAVE and IA32_XFD (contract section 1). A rule is a refusal or names a missing fact.</summary>
internal static class XsaveClauses
{
    private const int LegacyImage = 4096;
    private static readonly XFeatureMask LoadsMxcsr = XFeatureMask.Legacy | XFeatures.Avx;

    /// <summary>The bytes of the vCPU's image (contract X19).</summary>
    public static int ImageSize(PaperVcpu vcpu) => vcpu.Dynamic.IsEmpty ? LegacyImage : Math.Max(LegacyImage, vcpu.Host.SizeOf(vcpu.Enabled));

    /// <summary>KVM_SET_XSAVE: the components get into use, or nothing changes (contract X10).</summary>
    public static RefusalRule? Set(PaperVcpu vcpu, XFeatureMask bv, in ImageHeader header)
    {
        if (header.Length < ImageSize(vcpu))
        {
            return ClauseTable.XsaveSetBuffer;
        }

        if (!vcpu.Host.HasXsave)
        {
            return SetWithoutXsave(vcpu, bv, header);
        }

        KvmBehaviours behaviours = vcpu.Host.Behaviours;
        if (bv.Overlaps(vcpu.Xfd))
        {
            if (behaviours.XsaveXfdClearsBv is null)
            {
                return MissingFact.Rule("xsave.xfd-clears-bv");
            }

            bv = behaviours.XsaveXfdClearsBv == XsaveXfdClearsBv.Yes ? bv.Except(vcpu.Xfd) : bv;
        }

        RefusalRule? rule = Components(vcpu, bv) ?? Header(behaviours, header) ?? Mxcsr(vcpu.Host, bv, header.Mxcsr);
        if (rule is null)
        {
            vcpu.InUse = bv;
            vcpu.Mxcsr = bv.Overlaps(XFeatures.SseOrAvx) || behaviours.XsaveSwReserved == XsaveSwReserved.Untouched ? header.Mxcsr : InitialMxcsr;
        }

        return rule;
    }

    /// <summary>MXCSR of a saved image with these components: initial where neither SSE nor AVX is in it, but before 5.16, when the FXSAVE area was copied whole.</summary>
    public static uint SavedMxcsr(PaperVcpu vcpu, XFeatureMask saved)
        => !vcpu.Host.HasXsave || saved.Overlaps(XFeatures.SseOrAvx) || vcpu.Host.Behaviours.XsaveSwReserved == XsaveSwReserved.Untouched ? vcpu.Mxcsr : InitialMxcsr;

    /// <summary>What KVM_SET_XSAVE accepts here, for a finding.</summary>
    public static XFeatureMask Accepted(PaperVcpu vcpu) => SetMask(vcpu) is { } mask ? mask & vcpu.Host.Supported : vcpu.Host.Supported;

    /// <summary>What KVM_GET_XSAVE keeps after KVM_SET_CPUID2 (contract 1.6); null if it is not known.</summary>
    public static XFeatureMask? GetMask(PaperVcpu vcpu) => vcpu.Host.Behaviours.XsaveGetMask switch
    {
        XsaveGetMask.Default => vcpu.Enabled,
        XsaveGetMask.Guest => vcpu.Promised,
        XsaveGetMask.GuestAndLegacy => vcpu.Promised | XFeatureMask.Legacy,
        XsaveGetMask.GuestAndLegacyWithinDefault => (vcpu.Promised | XFeatureMask.Legacy) & vcpu.Enabled,
        _ => null,
    };

    /// <summary>IA32_XFD is written: the components it disables (contract X26).</summary>
    public static RefusalRule? Disable(PaperVcpu vcpu, XFeatureMask disabled)
    {
        if (vcpu.InUse.Overlaps(disabled))
        {
            if (vcpu.Host.Behaviours.XsaveXfdClearsBv is null)
            {
                return MissingFact.Rule("xsave.xfd-clears-bv");
            }

            vcpu.InUse = vcpu.Host.Behaviours.XsaveXfdClearsBv == XsaveXfdClearsBv.Yes ? vcpu.InUse.Except(disabled) : vcpu.InUse;
        }

        vcpu.Xfd = disabled;
        return null;
    }

    /// <summary>Which of the saved components this host looks for at another place (contract X4); where one is not known nothing is said.</summary>
    public static void Places(HopReport report, HostFacts saved, HostFacts here, XFeatureMask components)
    {
        foreach (int component in components.Except(XFeatureMask.Legacy).Components())
        {
            (int Offset, int Size) there = saved.PlaceOf(component);
            (int Offset, int Size) own = here.PlaceOf(component);
            if (there.Size != 0 && own.Size != 0 && there != own)
            {
                report.Add(ClauseTable.XsaveLayout, new Subject(SubjectKind.Component, (uint)component), (ulong)there.Offset, (ulong)own.Offset);
            }
        }
    }

    private const uint InitialMxcsr = 0x1f80;

    private static RefusalRule? Components(PaperVcpu vcpu, XFeatureMask bv)
    {
        if (!bv.IsSubsetOf(vcpu.Host.Supported))
        {
            return ClauseTable.XsaveSetSupported;
        }

        if (SetMask(vcpu) is not { } mask)
        {
            return MissingFact.Rule("xsave.set-mask");
        }

        bool held = vcpu.HasCpuid && vcpu.Host.Behaviours.XsaveSetMask is XsaveSetMask.Guest or XsaveSetMask.GuestAndLegacy;
        return bv.IsSubsetOf(mask) ? null : held ? ClauseTable.XsaveSetPromised : ClauseTable.XsaveSetEnabled;
    }

    private static XFeatureMask? SetMask(PaperVcpu vcpu) => vcpu.Host.Behaviours.XsaveSetMask switch
    {
        // Kernels that take all of S have no dynamic components: no vCPU has room for what it was not given.
        XsaveSetMask.Supported or XsaveSetMask.Default => vcpu.Enabled,
        XsaveSetMask.Guest => vcpu.HasCpuid ? vcpu.Promised : vcpu.Enabled,
        XsaveSetMask.GuestAndLegacy => vcpu.HasCpuid ? vcpu.Promised | XFeatureMask.Legacy : vcpu.Enabled,
        _ => null,
    };

    private static RefusalRule? Header(KvmBehaviours behaviours, in ImageHeader header)
        => !header.Compacted && !header.Reserved ? null : behaviours.XsaveSetHeader switch
        {
            XsaveSetHeader.Lenient => null,
            XsaveSetHeader.Strict => header.Compacted ? ClauseTable.XsaveSetXcompBv : ClauseTable.XsaveSetReserved,
            _ => MissingFact.Rule("xsave.set-header"),
        };

    private static RefusalRule? Mxcsr(HostFacts host, XFeatureMask bv, uint mxcsr)
    {
        RefusalRule? rule = MxcsrOf(host, mxcsr);
        if (rule is null || bv.Overlaps(LoadsMxcsr))
        {
            return rule;
        }

        return host.Behaviours.XsaveSetMxcsr switch
        {
            XsaveSetMxcsr.Always => rule,
            XsaveSetMxcsr.WhenLoaded => null,
            _ => MissingFact.Rule("xsave.set-mxcsr"),
        };
    }

    private static RefusalRule? MxcsrOf(HostFacts host, uint mxcsr)
        => mxcsr >> 16 == 0 ? null
            : host.Snapshot.MxcsrMask is not { } mask ? MissingFact.Rule("mxcsrMask")
            : (mxcsr & ~mask.Value) == 0 ? null
            : ClauseTable.XsaveSetMxcsr;

    private static RefusalRule? SetWithoutXsave(PaperVcpu vcpu, XFeatureMask bv, in ImageHeader header)
    {
        RefusalRule? rule = bv.IsSubsetOf(XFeatureMask.Legacy) ? MxcsrOf(vcpu.Host, header.Mxcsr) : ClauseTable.XsaveSetWithoutXsave;
        if (rule is null)
        {
            vcpu.InUse = XFeatureMask.Legacy;
            vcpu.Mxcsr = header.Mxcsr;
        }

        return rule;
    }
}
