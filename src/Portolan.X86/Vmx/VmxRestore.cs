namespace Portolan.X86.Vmx;

/// <summary>
/// May userspace restore a VMX capability MSR into a vCPU? Exactly the predicate of arch/x86/kvm/vmx/nested.c
/// (<c>vmx_set_vmx_msr</c>), contract section 3, M5 to M12.
/// </summary>
public static class VmxRestore
{
    /// <summary>
    /// Judges one write, as the kernel does: the first rule that refuses is the answer. Allocates nothing.
    /// </summary>
    /// <param name="index">The MSR.</param>
    /// <param name="value">The value to restore.</param>
    /// <param name="host">
    /// KVM's own maxima: what KVM_GET_MSRS on /dev/kvm answers. Kernels before the 2022 rework compared with the vCPU's current
    /// values instead; give those here to judge as they did.
    /// </param>
    /// <param name="current">The vCPU's values before the write; only the pin-based controls matter (M12).</param>
    /// <param name="inVmxOperation">Has the vCPU executed VMXON? Then every write is refused (M7).</param>
    public static VmxRestoreAnswer Check(
        uint index, ulong value, in VmxCapabilities host, in VmxCapabilities current, bool inVmxOperation = false)
    {
        if (inVmxOperation)
        {
            return new VmxRestoreAnswer(VmxRestoreRule.InVmxOperation, 0);
        }

        if (!host.TryGet(index, out ulong own))
        {
            return new VmxRestoreAnswer(VmxRestoreRule.NotRestorable, 0);
        }

        bool timer = current.AllowsPreemptionTimer;
        foreach (VmxRestoreRule rule in VmxRestoreRules.Of(index))
        {
            if (Breaks(rule, value, own, timer, out ulong offending))
            {
                return new VmxRestoreAnswer(rule, offending);
            }
        }

        return default;
    }

    /// <summary>
    /// Judges one write where not every bit of the maxima, or of the vCPU's values, may be known: refused where the known bits refuse
    /// it, accepted where no unknown bit could; null where an unknown bit decides.
    /// </summary>
    /// <param name="index">The MSR.</param>
    /// <param name="value">The value to restore.</param>
    /// <param name="host">KVM's own maxima, or the vCPU's current values.</param>
    /// <param name="current">The vCPU's values before the write.</param>
    /// <param name="inVmxOperation">Has the vCPU executed VMXON?</param>
    public static VmxRestoreAnswer? Check(
        uint index, ulong value, in KnownVmxCapabilities host, in KnownVmxCapabilities current, bool inVmxOperation = false)
    {
        bool? timer = current.AllowsPreemptionTimer;
        bool whole = host.TryGet(index, out ulong own);
        if (inVmxOperation || !VmxCapabilities.Has(index) || (whole && timer is not null))
        {
            return Check(index, value, host.Values, current.Values, inVmxOperation);
        }

        _ = host.Known.TryGet(index, out ulong known);
        own &= known;
        bool open = false;
        foreach (VmxRestoreRule rule in VmxRestoreRules.Of(index))
        {
            if (Breaks(rule, value, Filled(rule, value, own, known, kindly: true), timer is true, out ulong offending))
            {
                return new VmxRestoreAnswer(rule, offending);
            }

            open |= Breaks(rule, value, Filled(rule, value, own, known, kindly: false), timer is not false, out _);
        }

        return open ? null : default(VmxRestoreAnswer);
    }

    /// <summary>Every rule that the value breaks, in the kernel's order; none if it is accepted.</summary>
    public static IReadOnlyList<VmxRestoreAnswer> Violations(uint index, ulong value, in VmxCapabilities host, in VmxCapabilities current)
    {
        List<VmxRestoreAnswer> broken = [];
        _ = host.TryGet(index, out ulong own);
        bool timer = current.AllowsPreemptionTimer;
        foreach (VmxRestoreRule rule in VmxRestoreRules.Of(index))
        {
            if (Breaks(rule, value, own, timer, out ulong offending))
            {
                broken.Add(new VmxRestoreAnswer(rule, offending));
            }
        }

        return broken;
    }

    /// <summary>
    /// Restores a whole set into a fresh vCPU of <paramref name="host"/>, in <see cref="VmxCapabilitiesReader.RestoreOrder"/>, and
    /// answers what is refused; a refused MSR keeps the host's value.
    /// </summary>
    public static IReadOnlyList<(uint Index, VmxRestoreAnswer Answer)> Refused(in VmxCapabilities wanted, in VmxCapabilities host)
    {
        List<(uint Index, VmxRestoreAnswer Answer)> refused = [];
        VmxCapabilities current = host;
        foreach (uint index in VmxCapabilitiesReader.RestoreOrder)
        {
            _ = wanted.TryGet(index, out ulong value);
            VmxRestoreAnswer answer = Check(index, value, host, current);
            if (answer.Accepted)
            {
                current = current.With(index, value);
            }
            else
            {
                refused.Add((index, answer));
            }
        }

        return refused;
    }

    private static bool Breaks(VmxRestoreRule rule, ulong value, ulong own, bool timer, out ulong offending)
    {
        offending = rule switch
        {
            VmxRestoreRule.BasicBits => Grown(value, own, VmxBits.BasicRestoredSubset),
            VmxRestoreRule.Basic32BitAddresses => value & VmxBits.BasicRestoredZero,
            VmxRestoreRule.BasicRevision => Unequal(value, own, VmxBits.BasicVmcsRevisionIdentifier),
            VmxRestoreRule.BasicRegionSize => Greater(own, value, VmxBits.BasicVmxonAndVmcsRegionSize),
            VmxRestoreRule.ControlMustBeOne => new VmxControlMsr(own).MustBeOne & ~value,
            VmxRestoreRule.ControlMayBeOne => Grown(value, own, ~(ulong)uint.MaxValue),
            VmxRestoreRule.MiscBits => Grown(value, own, VmxBits.MiscRestoredSubset),
            VmxRestoreRule.MiscPreemptionTimerRate when timer => Unequal(value, own, VmxBits.MiscVmxPreemptionTimerRate),
            VmxRestoreRule.MiscCr3Targets => Greater(value, own, VmxBits.MiscCr3TargetCount),
            VmxRestoreRule.MiscMsrList => Greater(value, own, VmxBits.MiscMaximumMsrListSize),
            VmxRestoreRule.MiscMseg => Unequal(value, own, VmxBits.MiscMsegRevisionIdentifier),
            VmxRestoreRule.Fixed0 => own & ~value,
            VmxRestoreRule.EptVpidCap or VmxRestoreRule.Vmfunc => value & ~own,
            _ => 0,
        };
        return offending != 0 || rule is VmxRestoreRule.Derived or VmxRestoreRule.NotRestorable;
    }

    /// <summary>
    /// A maximum whose unknown bits are the likeliest to accept the value, or to refuse it: for numbers the greatest or the smallest one, else
    /// bits equal to the value's or their opposite.
    /// </summary>
    private static ulong Filled(VmxRestoreRule rule, ulong value, ulong own, ulong known, bool kindly)
    {
        ulong fill = rule switch
        {
            VmxRestoreRule.BasicRegionSize => 0,
            VmxRestoreRule.MiscCr3Targets or VmxRestoreRule.MiscMsrList => ulong.MaxValue,
            _ => value,
        };
        return own | (kindly ? fill : ~fill) & ~known;
    }

    private static ulong Grown(ulong value, ulong own, ulong mask) => value & ~own & mask;

    private static ulong Unequal(ulong value, ulong own, ulong mask) => ((value ^ own) & mask) != 0 ? mask : 0;

    private static ulong Greater(ulong value, ulong own, ulong mask) => (value & mask) > (own & mask) ? mask : 0;
}
