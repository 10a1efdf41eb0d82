using Portolan.Kvm;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_XCRS (contract C2).</summary>
internal static class XcrClauses
{
    private const int MostRegisters = 16;

    /// <summary>Loads the registers, or the rule that refuses.</summary>
    public static RefusalRule? Load(PaperVcpu vcpu, KvmXcrs xcrs)
    {
        if (!vcpu.Host.HasXsave)
        {
            // A VMM asks for the capability before it loads them (QEMU target/i386/kvm/kvm.c kvm_put_xcrs).
            return vcpu.Host.Capability(KvmCapability.Xcrs) switch
            {
                null => MissingFact.Rule("capabilities KVM_CAP_XCRS"),
                0 => null,
                _ => ClauseTable.XcrsWithoutXsave,
            };
        }

        if (xcrs.Entries.Length > MostRegisters)
        {
            return ClauseTable.XcrsCount;
        }

        if (xcrs.Flags != 0)
        {
            return ClauseTable.XcrsFlags;
        }

        foreach (KvmXcr entry in xcrs.Entries)
        {
            if (entry.Register == 0)
            {
                return Load(vcpu, new XFeatureMask(entry.Value));
            }
        }

        return null;
    }

    /// <summary>Loads XCR0, or the rule that refuses it.</summary>
    public static RefusalRule? Load(PaperVcpu vcpu, XFeatureMask value)
    {
        if (value == vcpu.Xcr0)
        {
            return null;
        }

        RefusalRule? rule = !value[0] ? ClauseTable.XcrsX87
            : value[2] && !value[1] ? ClauseTable.XcrsAvxNeedsSse
            : !value.IsSubsetOf(vcpu.Promised | XFeatures.X87) ? ClauseTable.XcrsPromised
            : IsPart(value, XFeatures.Mpx) ? ClauseTable.XcrsMpxPair
            : value.Overlaps(XFeatures.Avx512) && (IsPart(value, XFeatures.Avx512) || !value[2]) ? ClauseTable.XcrsAvx512Together
            : IsPart(value, XFeatures.Amx) ? ClauseTable.XcrsAmxPair
            : null;
        vcpu.Xcr0 = rule is null ? value : vcpu.Xcr0;
        return rule;
    }

    /// <summary>The largest legal XCR0 within some components.</summary>
    public static XFeatureMask Largest(XFeatureMask within)
    {
        XFeatureMask value = within | XFeatures.X87;
        value = value[1] ? value : value.Except(XFeatures.Avx);
        value = IsPart(value, XFeatures.Mpx) ? value.Except(XFeatures.Mpx) : value;
        value = IsPart(value, XFeatures.Avx512) || !value[2] ? value.Except(XFeatures.Avx512) : value;
        return IsPart(value, XFeatures.Amx) ? value.Except(XFeatures.Amx) : value;
    }

    /// <summary>Has the value some of a group, but not all?</summary>
    private static bool IsPart(XFeatureMask value, XFeatureMask group) => value.Overlaps(group) && !group.IsSubsetOf(value);
}
