using System.Collections.Immutable;
using System.Numerics;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Compatibility.Clauses;

/// <summary>What the guest, as a hypervisor, reads in its VMX capability MSRs on one host after the other, and what it can do with it.</summary>
internal sealed class VmxView(RouteQuestion question)
{
    private const uint First = MsrIndex.Ia32VmxBasic;
    private const int Count = (int)(MsrIndex.Ia32VmxVmfunc - First) + 1;
    private readonly bool _hasVmx = GuestFacts.Of(question.Guest).Features[ModelFeature.Vmx];
    private ulong?[]? _before;
    private bool _looked;

    /// <summary>The guest looks on a host.</summary>
    public void Look(PaperVcpu vcpu, HopReport report)
    {
        if (!_hasVmx)
        {
            return;
        }

        if (vcpu.IsVmxUntold)
        {
            // What is seen here is not known, and nothing later is compared with it.
            _before = null;
            _looked = true;
            return;
        }

        ulong?[] seen = Read(vcpu, report, out bool untold);
        if (_before is null && !_looked)
        {
            Filtered(seen, report);
        }

        for (int i = 0; i < Count && _before is not null; i++)
        {
            if (_before[i] is { } before && seen[i] is { } now && before != now && !untold)
            {
                Changed(vcpu, report, First + (uint)i, before, now, seen);
            }
        }

        _looked = true;
        _before ??= new ulong?[Count];
        seen.CopyTo(_before, 0);
        if (!untold)
        {
            Enter(vcpu, report, seen);
        }
    }

    private static ulong?[] Read(PaperVcpu vcpu, HopReport report, out bool untold)
    {
        untold = false;
        ulong?[] seen = new ulong?[Count];
        for (int i = 0; i < Count; i++)
        {
            RefusalRule? rule = VmxClauses.GuestReads(vcpu, First + (uint)i, out ulong value);
            seen[i] = rule is null ? value : null;
            if (MissingFact.NameOf(rule) is { } fact)
            {
                untold = true;
                report.Missing(fact, ClauseTable.PromiseVisibleMsr);
            }
        }

        return seen;
    }

    private void Filtered(ulong?[] seen, HopReport report)
    {
        foreach (MsrValue promised in question.Guest.FeatureMsrs)
        {
            if (promised.Index is >= First and < First + Count && seen[promised.Index - First] is { } read && read != promised.Value)
            {
                report.Add(ClauseTable.EvmcsFilteredAtStart, new Subject(SubjectKind.Msr, promised.Index), promised.Value, read);
            }
        }
    }

    private void Changed(PaperVcpu vcpu, HopReport report, uint index, ulong before, ulong now, ulong?[] seen)
    {
        ulong lost = VmxLoss.Of(index, before, now);
        bool breaks = lost != 0 && IsInUse(vcpu, index, lost, seen);
        report.Add(breaks ? ClauseTable.PromiseVisibleMsr : ClauseTable.PromiseVisibleMsrUnused, new Subject(SubjectKind.Msr, index), before, now);
    }

    /// <summary>Does the guest use something that it was shown and that fails here?</summary>
    private bool IsInUse(PaperVcpu vcpu, uint index, ulong lost, ulong?[] seen)
    {
        if (VmxLoss.GroupOf(index) is not { } group)
        {
            return question.NestedControls is not { IsEmpty: true };
        }

        uint controls = (uint)(lost >> 32);
        uint used = question.NestedControls is { } given ? given.Where(bit => bit.Group == group).Aggregate(0u, static (mask, bit) => mask | (uint)bit.Mask) : uint.MaxValue;
        for (uint rest = controls & used; rest != 0; rest &= rest - 1)
        {
            int bit = BitOperations.TrailingZeroCount(rest);
            RefusalRule? rule = VmxClauses.Entry(vcpu, VmxLoss.Settings(seen, First, [new VmxControlBit(group, bit)]));
            if (rule is not null && MissingFact.NameOf(rule) is null)
            {
                return true;
            }
        }

        // A control that must be 1 now and need not before: every entry that leaves it 0 fails.
        return question.NestedControls is null && unchecked((uint)lost) != 0;
    }

    private void Enter(PaperVcpu vcpu, HopReport report, ulong?[] seen)
    {
        if (question.NestedControls is not { } controls)
        {
            return;
        }

        RefusalRule? rule = VmxClauses.Entry(vcpu, VmxLoss.Settings(seen, First, controls));
        if (MissingFact.NameOf(rule) is { } fact)
        {
            report.Missing(fact, ClauseTable.VmxEntryControls);
        }
        else if (rule is not null)
        {
            report.Add(rule, ClauseSeverity.Breaks, new Subject(SubjectKind.VmxControls));
        }
    }
}

/// <summary>What is lost between two values of a VMX capability MSR, and the controls that an entry sets.</summary>
internal static class VmxLoss
{
    /// <summary>
    /// Of control MSRs: allowed-1 bits gone, and must-be-1 bits new. Of capability sets: bits gone. Of the others: every difference.
    /// </summary>
    public static ulong Of(uint index, ulong before, ulong now)
    {
        if (GroupOf(index) is not null)
        {
            ulong high = (before & ~now) >> 32 << 32;
            ulong low = (now & ~before) & uint.MaxValue;
            return high | low;
        }

        return index is MsrIndex.Ia32VmxEptVpidCap or MsrIndex.Ia32VmxVmfunc ? before & ~now : before ^ now;
    }

    /// <summary>The group of controls that an MSR tells of; null for the other MSRs.</summary>
    public static VmxControlGroup? GroupOf(uint index) => index switch
    {
        MsrIndex.Ia32VmxPinbasedCtls or MsrIndex.Ia32VmxTruePinbasedCtls => VmxControlGroup.PinBased,
        MsrIndex.Ia32VmxProcbasedCtls or MsrIndex.Ia32VmxTrueProcbasedCtls => VmxControlGroup.Primary,
        MsrIndex.Ia32VmxProcbasedCtls2 => VmxControlGroup.Secondary,
        MsrIndex.Ia32VmxExitCtls or MsrIndex.Ia32VmxTrueExitCtls => VmxControlGroup.Exit,
        MsrIndex.Ia32VmxEntryCtls or MsrIndex.Ia32VmxTrueEntryCtls => VmxControlGroup.Entry,
        _ => null,
    };

    /// <summary>The controls that must be 1, as the guest reads them, and those asked for; secondary ones are activated.</summary>
    public static VmxControlSettings Settings(ulong?[] seen, uint first, ImmutableArray<VmxControlBit> asked)
    {
        uint primary = Word(VmxControlGroup.Primary, MsrIndex.Ia32VmxTrueProcbasedCtls);
        uint secondary = Word(VmxControlGroup.Secondary, MsrIndex.Ia32VmxProcbasedCtls2);
        primary |= asked.Any(static bit => bit.Group == VmxControlGroup.Secondary) ? (uint)VmxBits.PrimaryActivateSecondaryControls : 0;
        return new VmxControlSettings(
            Word(VmxControlGroup.PinBased, MsrIndex.Ia32VmxTruePinbasedCtls),
            primary,
            secondary,
            Word(VmxControlGroup.Exit, MsrIndex.Ia32VmxTrueExitCtls),
            Word(VmxControlGroup.Entry, MsrIndex.Ia32VmxTrueEntryCtls),
            0);

        uint Word(VmxControlGroup group, uint index)
        {
            ulong bits = new VmxControlMsr(seen[index - first].GetValueOrDefault()).MustBeOne;
            foreach (VmxControlBit bit in asked)
            {
                bits |= bit.Group == group ? bit.Mask : 0;
            }

            return unchecked((uint)bits);
        }
    }
}
