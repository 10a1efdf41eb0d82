using System.Collections.Immutable;
using System.Numerics;
using Portolan.Kvm.Clauses;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Routes;

/// <summary>
/// Does it matter to a guest hypervisor that a VMX capability MSR reads otherwise than on the host before? What it lost is tried: an
/// entry into L2 with the control that it was shown.
/// </summary>
internal readonly struct NestedUse(
    IGuestCpu guest, VmxSeen seen, bool usesAll, ImmutableArray<VmxControlBit> used, bool enlightened, RouteRecorder recorder)
{
    private const int High = 32;

    /// <summary>Lost the guest something that it uses and that an entry with it is now refused?</summary>
    internal bool IsBroken(uint index, ulong before, ulong after)
    {
        VmxControlGroup? group = VmxReadings.GroupOf(index);
        return group is VmxControlGroup.PinBased or VmxControlGroup.Primary or VmxControlGroup.Secondary or VmxControlGroup.Exit or VmxControlGroup.Entry
            ? LosesControl(group.Value, before, after)
            : (usesAll || !used.IsDefaultOrEmpty) && Lost(index, before, after) != 0;
    }

    /// <summary>Of the capability bitmaps, the bits that are gone; any other MSR means something else with any other value.</summary>
    private static ulong Lost(uint index, ulong before, ulong after)
        => index is MsrIndex.Ia32VmxEptVpidCap or MsrIndex.Ia32VmxVmfunc ? before & ~after : before ^ after;

    private bool LosesControl(VmxControlGroup group, ulong before, ulong after)
    {
        uint gone = (uint)((before & ~after) >> High);
        if (!usesAll)
        {
            uint mine = 0;
            foreach (VmxControlBit bit in used)
            {
                mine |= bit.Group == group ? (uint)bit.Mask : 0;
            }

            gone &= mine;
        }

        uint demanded = usesAll ? unchecked((uint)(after & ~before)) : 0;
        VmxControlSettings least = seen.MustBeOne();
        for (uint rest = gone; rest != 0; rest &= rest - 1)
        {
            if (IsRefused(With(least, group, 1u << BitOperations.TrailingZeroCount(rest), 0)))
            {
                return true;
            }
        }

        for (uint rest = demanded; rest != 0; rest &= rest - 1)
        {
            if (IsRefused(With(least, group, 0, 1u << BitOperations.TrailingZeroCount(rest))))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsRefused(in VmxControlSettings controls)
    {
        GuestAnswer<VmEntryOutcome> entry = guest.VmEntry(controls, enlightened);
        if (entry.Fault == GuestFault.NotDecidable && entry.Rule is { } rule)
        {
            recorder.Miss(MissingFact.NameOf(rule) ?? rule.Statement);
            return false;
        }

        return !entry.Ok || entry.Value != VmEntryOutcome.Entered;
    }

    /// <summary>The same controls with one more, or without one; a secondary control counts only where they are activated.</summary>
    private static VmxControlSettings With(in VmxControlSettings least, VmxControlGroup group, uint set, uint clear) => group switch
    {
        VmxControlGroup.PinBased => least with { PinBased = (least.PinBased | set) & ~clear },
        VmxControlGroup.Primary => least with { Primary = (least.Primary | set) & ~clear },
        VmxControlGroup.Secondary => least with
        {
            Primary = least.Primary | (uint)VmxBits.PrimaryActivateSecondaryControls,
            Secondary = (least.Secondary | set) & ~clear,
        },
        VmxControlGroup.Exit => least with { Exit = (least.Exit | set) & ~clear },
        _ => least with { Entry = (least.Entry | set) & ~clear },
    };
}
