namespace Portolan.X86.Xsave;

/// <summary>What a kernel checks before it takes an image (contract 1.3, 1.6).</summary>
/// <param name="Supported">The components KVM can carry on this host, kvm_caps.supported_xcr0.</param>
/// <param name="Accepted">The components this vCPU takes now, fpstate->user_xfeatures; what it is depends on the generation.</param>
/// <param name="MxcsrMask">The bits of MXCSR the host's processor has.</param>
/// <param name="IsStrict">
/// As 5.16 and later: XCOMP_BV and the reserved bytes must be 0, and MXCSR is checked only where XSTATE_BV makes it count. Otherwise
/// as before (contract X12), and as on a host without XSAVE (X13): MXCSR is checked always, the rest of the header never.
/// </param>
public sealed record XsaveHeaderRules(XFeatureMask Supported, XFeatureMask Accepted, uint MxcsrMask, bool IsStrict)
{
    /// <summary>Every violation, in the order in which the kernel would meet them; none where the image would be taken.</summary>
    public IReadOnlyList<XsaveViolation> Violations(ReadOnlyXsaveImage image)
    {
        List<XsaveViolation> found = [];
        XFeatureMask bv = image.XstateBv;
        Add(found, XsaveViolationKind.ComponentNotSupported, XsaveOffsets.XstateBv, bv.Except(Supported).Bits);
        Add(found, XsaveViolationKind.ComponentNotAccepted, XsaveOffsets.XstateBv, (bv & Supported).Except(Accepted).Bits);
        if (IsStrict)
        {
            Add(found, XsaveViolationKind.CompactionBitmapNotZero, XsaveOffsets.XcompBv, image.XcompBv);
            AddReserved(found, image.Reserved);
        }

        if (ChecksMxcsr(bv))
        {
            Add(found, XsaveViolationKind.MxcsrBitReserved, XsaveOffsets.Mxcsr, image.Mxcsr & ~MxcsrMask);
        }

        return found;
    }

    /// <summary>Would the image be taken? The same rules as <see cref="Violations"/>, without a list.</summary>
    public bool Accepts(ReadOnlyXsaveImage image)
    {
        XFeatureMask bv = image.XstateBv;
        return bv.IsSubsetOf(Supported & Accepted)
            && (!IsStrict || (image.XcompBv == 0 && !image.Reserved.ContainsAnyExcept((byte)0)))
            && (!ChecksMxcsr(bv) || (image.Mxcsr & ~MxcsrMask) == 0);
    }

    private bool ChecksMxcsr(XFeatureMask bv) => !IsStrict || bv.Overlaps(Mxcsr.Components);

    private static void Add(List<XsaveViolation> found, XsaveViolationKind kind, int offset, ulong bits)
    {
        foreach (int bit in new XFeatureMask(bits).Components())
        {
            found.Add(new(kind, offset, bit));
        }
    }

    private static void AddReserved(List<XsaveViolation> found, ReadOnlySpan<byte> reserved)
    {
        for (int i = 0; i < reserved.Length; i++)
        {
            Add(found, XsaveViolationKind.ReservedByteNotZero, XsaveOffsets.Reserved + i, reserved[i]);
        }
    }
}
