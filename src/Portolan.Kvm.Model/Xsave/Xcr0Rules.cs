using Portolan.Kvm.Clauses;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Xsave;

/// <summary>Which XCR0 a guest may have (contract C2).</summary>
internal static class Xcr0Rules
{
    /// <summary>The first rule that a value violates; null if it is legal.</summary>
    /// <param name="value">The value.</param>
    /// <param name="promised">G.</param>
    public static RefusalRule? Violated(XFeatureMask value, XFeatureMask promised)
    {
        if (!value.Overlaps(XFeatures.X87))
        {
            return ClauseTable.XcrsX87;
        }

        if (value.Overlaps(XFeatures.Avx) && !value.Overlaps(XFeatures.Sse))
        {
            return ClauseTable.XcrsAvxNeedsSse;
        }

        if (!value.IsSubsetOf(promised | XFeatures.X87))
        {
            return ClauseTable.XcrsPromised;
        }

        return !AllOrNone(value, XFeatures.Mpx) ? ClauseTable.XcrsMpxPair
            : value.Overlaps(XFeatures.Avx512) && !(XFeatures.Avx512 | XFeatures.Avx).IsSubsetOf(value) ? ClauseTable.XcrsAvx512Together
            : !AllOrNone(value, XFeatures.Amx) ? ClauseTable.XcrsAmxPair
            : null;
    }

    private static bool AllOrNone(XFeatureMask value, XFeatureMask group) => !value.Overlaps(group) || group.IsSubsetOf(value);
}
