namespace Portolan.X86.Vmx;

/// <summary>
/// The richest set of VMX capabilities that two hosts both restore (contract M9): may-be-one AND, must-be-one OR, capability bits
/// AND, CR fixed-to-1 bits OR, counts the smaller, region size the greater.
/// </summary>
public static class VmxMeet
{
    /// <summary>The meet of two hosts' own maxima.</summary>
    /// <param name="a">The one host.</param>
    /// <param name="b">The other.</param>
    /// <param name="obstacle">
    /// The rule for which no value satisfies both, if there is none: another VMCS revision, another MSEG revision, or a control
    /// that must be one here and zero there.
    /// </param>
    /// <returns>The meet, or null.</returns>
    public static VmxCapabilities? Of(in VmxCapabilities a, in VmxCapabilities b, out VmxRestoreRule obstacle)
    {
        obstacle = Obstacle(a, b);
        if (obstacle != VmxRestoreRule.Accepted)
        {
            return null;
        }

        VmxCapabilities meet = new()
        {
            Basic = Basic(a.Basic, b.Basic),
            TruePinBased = a.TruePinBased.Meet(b.TruePinBased),
            TruePrimary = a.TruePrimary.Meet(b.TruePrimary),
            TrueExit = a.TrueExit.Meet(b.TrueExit),
            TrueEntry = a.TrueEntry.Meet(b.TrueEntry),
            Secondary = a.Secondary.Meet(b.Secondary),
            Misc = Misc(a.Misc, b.Misc),
            Cr0Fixed0 = a.Cr0Fixed0 | b.Cr0Fixed0,
            Cr0Fixed1 = a.Cr0Fixed1 & b.Cr0Fixed1,
            Cr4Fixed0 = a.Cr4Fixed0 | b.Cr4Fixed0,
            Cr4Fixed1 = a.Cr4Fixed1 & b.Cr4Fixed1,
            VmcsEnum = Math.Min(a.VmcsEnum, b.VmcsEnum),
            EptVpidCap = a.EptVpidCap & b.EptVpidCap,
            VmFunctions = a.VmFunctions & b.VmFunctions,
            Tertiary = a.Tertiary & b.Tertiary,
            SecondaryExit = a.SecondaryExit & b.SecondaryExit,
        };

        // Another timer rate is accepted only by a vCPU that has no timer (M12), and without the timer its value cannot be saved.
        return SameTimerRate(a, b) ? meet : WithoutPreemptionTimer(meet);
    }

    private static VmxRestoreRule Obstacle(in VmxCapabilities a, in VmxCapabilities b)
    {
        if (((a.Basic ^ b.Basic) & VmxBits.BasicVmcsRevisionIdentifier) != 0)
        {
            return VmxRestoreRule.BasicRevision;
        }

        if (((a.Misc ^ b.Misc) & VmxBits.MiscMsegRevisionIdentifier) != 0)
        {
            return VmxRestoreRule.MiscMseg;
        }

        return Contradicts(a.TruePinBased, b.TruePinBased) || Contradicts(a.TruePrimary, b.TruePrimary)
            || Contradicts(a.TrueExit, b.TrueExit) || Contradicts(a.TrueEntry, b.TrueEntry) || Contradicts(a.Secondary, b.Secondary)
            ? VmxRestoreRule.ControlMustBeOne
            : VmxRestoreRule.Accepted;
    }

    private static bool Contradicts(VmxControlMsr a, VmxControlMsr b)
        => ((a.MustBeOne & ~b.MayBeOne) | (b.MustBeOne & ~a.MayBeOne)) != 0;

    private static bool SameTimerRate(in VmxCapabilities a, in VmxCapabilities b)
        => ((a.Misc ^ b.Misc) & VmxBits.MiscVmxPreemptionTimerRate) == 0;

    private static ulong Basic(ulong a, ulong b)
        => (a & b & VmxBits.BasicRestoredSubset)
            | (a & VmxBits.BasicVmcsRevisionIdentifier)
            | Greater(a, b, VmxBits.BasicVmxonAndVmcsRegionSize)
            | Greater(a, b, VmxBits.BasicMemoryTypeOfVmxStructures);

    private static ulong Misc(ulong a, ulong b)
        => (a & b & VmxBits.MiscRestoredSubset)
            | (a & VmxBits.MiscMsegRevisionIdentifier)
            | Smaller(a, b, VmxBits.MiscVmxPreemptionTimerRate)
            | Smaller(a, b, VmxBits.MiscCr3TargetCount)
            | Smaller(a, b, VmxBits.MiscMaximumMsrListSize);

    private static VmxCapabilities WithoutPreemptionTimer(VmxCapabilities meet) => meet with
    {
        TruePinBased = Without(meet.TruePinBased, VmxBits.PinBasedActivateVmxPreemptionTimer),
        TrueExit = Without(meet.TrueExit, VmxBits.ExitSaveVmxPreemptionTimerValue),
    };

    private static VmxControlMsr Without(VmxControlMsr msr, uint controls) => VmxControlMsr.Of(msr.MustBeOne, msr.MayBeOne & ~controls);

    private static ulong Greater(ulong a, ulong b, ulong mask) => Math.Max(a & mask, b & mask);

    private static ulong Smaller(ulong a, ulong b, ulong mask) => Math.Min(a & mask, b & mask);
}
