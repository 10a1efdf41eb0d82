using System.Collections.Immutable;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>Loads a carried state into a vCPU on paper, in the VMM's order.</summary>
internal sealed class StateLoad(RouteQuestion question, PaperVcpu vcpu, HopReport report)
{
    private bool _sregsRefused;
    private bool _stopped;

    /// <summary>Loads every part that is carried.</summary>
    public void Load(CarriedState state, PaperVcpu? before)
    {
        HostFacts host = vcpu.Host;
        if (state.SavedOn is { } saved && state.Components is { } components)
        {
            XsaveClauses.Places(report, saved, host, components);
        }

        MsrValue[] msrs = Loadable(state, before);
        foreach (VcpuPart part in question.Order.Parts)
        {
            ReadOnlySpan<MsrValue> written = MsrsOf(part, msrs);
            if (written.Length > 0)
            {
                foreach (MsrValue msr in written)
                {
                    report.Refused(MsrClauses.Write(vcpu, msr.Index, msr.Value), new Subject(SubjectKind.Msr, msr.Index), msr.Value, SetupClauses.MaximumOf(host, msr));
                }
            }
            else if (state.Has(part) && !(part == VcpuPart.NestedState && _sregsRefused))
            {
                Refuse(part, Load(part, state), state);
                if (_stopped)
                {
                    return;
                }
            }
        }
    }

    /// <summary>What was in use and is in the vCPU now, for the next save.</summary>
    public static XFeatureMask Expected(PaperVcpu vcpu, CarriedState state, HopReport report, XFeatureMask expected)
        => vcpu.XsaveLost || state.Components is null ? XFeatureMask.None : report.Hop == 0 ? state.Components.Value.Except(state.Disabled) : expected;

    /// <summary>KVM_CAP_XSAVE2 of the VM: the bytes that KVM_GET_XSAVE2 transfers; 0 where it does not exist.</summary>
    public static int Xsave2Size(PaperVcpu vcpu) => Xsave2Size(vcpu.Host, vcpu.Permitted);

    /// <summary>The same for a process with permission for some components.</summary>
    public static int Xsave2Size(HostFacts host, XFeatureMask permitted)
    {
        if (host.Behaviours.XsaveXsave2 != XsaveXsave2.Present)
        {
            return 0;
        }

        bool filters = !XFeatures.Dynamic.IsSubsetOf(permitted) && host.Supported.Overlaps(XFeatures.Dynamic);
        return Math.Max(TransferPlan.LegacyXsaveSize, host.SizeOf(filters ? host.Supported.Except(XFeatures.Amx) : host.Supported));
    }

    /// <summary>Why the vCPU's image cannot be saved: the VMM's buffer has KVM_CAP_XSAVE2 bytes, without KVM_GET_XSAVE2 4096 (contract X19).</summary>
    public static RefusalRule? SaveRefusal(PaperVcpu vcpu)
    {
        int needed = XsaveClauses.ImageSize(vcpu);
        return vcpu.Host.Behaviours.XsaveXsave2 == XsaveXsave2.Present
            ? needed > Xsave2Size(vcpu) ? ClauseTable.XsaveGetBuffer : null
            : needed > TransferPlan.LegacyXsaveSize ? ClauseTable.XsaveGetSize : null;
    }

    public static bool IsPae(in KvmSystemRegisters registers)
        => (registers.Cr0 & ControlRegisters.Cr0Pg) != 0 && (registers.Cr4 & ControlRegisters.Cr4Pae) != 0 && (registers.Efer & ControlRegisters.EferLma) == 0;

    /// <summary>The MSRs that a VMM saves on this host, with their values: all, or only those whose value KVM judges when it is written.</summary>
    public static ImmutableArray<MsrValue> SavedMsrs(PaperVcpu vcpu, HopReport report, bool all)
    {
        if (vcpu.Host.Listed is not { } listed)
        {
            report.Missing("savedMsrs", ClauseTable.MsrNotListed);
            return [];
        }

        ImmutableArray<MsrValue>.Builder saved = ImmutableArray.CreateBuilder<MsrValue>();
        foreach (uint index in all ? listed : vcpu.Host.Judged)
        {
            if (index == MsrIndex.MsrKvmAsyncPfInt)
            {
                continue;
            }

            RefusalRule? rule = MsrClauses.Read(vcpu, index, out ulong value);
            if (rule is null)
            {
                saved.Add(new MsrValue(index, value));
            }
            else if (MissingFact.NameOf(rule) is { } fact)
            {
                report.Missing(fact);
            }
        }

        return saved.ToImmutable();
    }

    private static ReadOnlySpan<MsrValue> MsrsOf(VcpuPart part, ReadOnlySpan<MsrValue> msrs)
    {
        int first = msrs.Length > 0 && msrs[0].Index == MsrIndex.Ia32FeatureControl ? 1 : 0;
        int end = msrs.Length > 0 && msrs[^1].Index == MsrIndex.Ia32TscDeadline ? msrs.Length - 1 : msrs.Length;
        return part switch
        {
            VcpuPart.FeatureControl => msrs[..first],
            VcpuPart.Msrs => msrs[first..Math.Max(first, end)],
            VcpuPart.TscDeadline => msrs[Math.Max(first, end)..],
            _ => [],
        };
    }

    private void Refuse(VcpuPart part, RefusalRule? rule, CarriedState state)
    {
        if (rule is null)
        {
            return;
        }

        (Subject subject, ulong guest, ulong host) = part switch
        {
            VcpuPart.Xsave => (new Subject(SubjectKind.Components), state.Components.GetValueOrDefault().Bits, XsaveClauses.Accepted(vcpu).Bits),
            VcpuPart.TscKhz => (new Subject(SubjectKind.Tsc), state.TscKhz.GetValueOrDefault(), vcpu.Host.Snapshot.TscKhz?.Value ?? 0ul),
            VcpuPart.Xcrs => (new Subject(SubjectKind.Part, (uint)part), state.Xcrs!.Entries[0].Value, vcpu.Promised.Bits | 1),
            VcpuPart.Sregs when SregsValues(rule, state) is var (own, allowed) => (new Subject(SubjectKind.Part, (uint)part), own, allowed),
            _ => (new Subject(SubjectKind.Part, (uint)part), 0ul, 0ul),
        };
        if (question.Vmm != RestorePolicy.Ignores || MissingFact.NameOf(rule) is not null)
        {
            // What could not be judged is left out of the rest of the route: nothing can be lost of it.
            report.Refused(rule, subject, guest, host);
            _sregsRefused |= part == VcpuPart.Sregs;
            vcpu.XsaveLost |= part == VcpuPart.Xsave;
            return;
        }

        report.Add(rule, ClauseSeverity.Corrupts, subject, guest, host);
        _stopped = true;
        ImmutableArray<VcpuPart> lost = question.Order.After(part);
        foreach (VcpuPart never in lost)
        {
            report.Add(ClauseTable.VmmNotLoaded, new Subject(SubjectKind.Part, (uint)never));
        }

        vcpu.XsaveLost = part == VcpuPart.Xsave || lost.Contains(VcpuPart.Xsave);
    }

    private (ulong Own, ulong Allowed) SregsValues(RefusalRule rule, CarriedState state)
    {
        KvmSystemRegisters registers = state.System.GetValueOrDefault();
        return rule.Id switch
        {
            "sregs.cr4.host" => (registers.Cr4, (vcpu.Host.Cr4Allowed ?? 0) | ControlRegisters.Cr4Basic),
            "sregs.cr4.guest" => (registers.Cr4, vcpu.Guest.Cr4Allowed | ControlRegisters.Cr4Basic),
            "sregs.efer.host" => (registers.Efer, vcpu.Host.EferAllowed ?? 0),
            "sregs.efer.guest" => (registers.Efer, vcpu.Guest.EferAllowed),
            "sregs.cr3" => (registers.Cr3, ~vcpu.Guest.ReservedAddressBits),
            "sregs.apic-base" => (registers.ApicBase, 0),
            "sregs.cr0" => (registers.Cr0, 0),
            _ => (registers.Cr4, 0),
        };
    }

    private RefusalRule? Load(VcpuPart part, CarriedState state) => part switch
    {
        VcpuPart.Sregs => LoadSregs(state),
        VcpuPart.NestedState => LoadNested(state),
        VcpuPart.TscKhz => LoadTsc(state.TscKhz!.Value),
        VcpuPart.Xsave => LoadXsave(state),
        VcpuPart.Xcrs => XcrClauses.Load(vcpu, state.Xcrs!),
        VcpuPart.VcpuEvents => EventClauses.Load(vcpu, state.Events!.Value),
        VcpuPart.MpState => EventClauses.Load(state.MpState!.Value),
        VcpuPart.DebugRegs => EventClauses.Load(state.DebugRegs!.Value),
        _ => null,
    };

    private RefusalRule? LoadSregs(CarriedState state)
    {
        bool second = state.IsSregs2 && vcpu.Host.Capability(KvmCapability.Sregs2) > 0;
        bool valid = (state.SregsFlags & 1) != 0;
        if (second && ((state.SregsFlags & ~1UL) != 0 || (valid && !IsPae(state.System!.Value))))
        {
            return ClauseTable.SregsPdptrs;
        }

        return SregsClauses.Load(vcpu, state.System!.Value);
    }

    /// <summary>The buffer has what the VMM asked KVM_CAP_XSAVE2 for, here or where the image was saved.</summary>
    private RefusalRule? LoadXsave(CarriedState state)
    {
        int length = Math.Max(state.Header.Length, Math.Max(TransferPlan.LegacyXsaveSize, Xsave2Size(vcpu)));
        return vcpu.Host.Behaviours.XsaveXsave2 is null && length < XsaveClauses.ImageSize(vcpu)
            ? MissingFact.Rule("xsave.xsave2")
            : XsaveClauses.Set(vcpu, state.Components!.Value, state.Header with { Length = length });
    }

    private RefusalRule? LoadNested(CarriedState state)
    {
        RefusalRule? rule = NestedClauses.Load(vcpu, state.Nested.Span);
        vcpu.Nested = rule is null ? WithSize(NestedClauses.Kept(vcpu, state.Nested)) : vcpu.Nested;
        return rule;
    }

    private static ReadOnlyMemory<byte> WithSize(ReadOnlyMemory<byte> kept)
    {
        byte[] state = kept.ToArray();
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(sizeof(uint)), state.Length);
        return state;
    }

    /// <summary>A host without scaling refuses even its own frequency; a vCPU that has it already is right.</summary>
    private RefusalRule? LoadTsc(uint khz)
    {
        uint? current = vcpu.TscKhz ?? vcpu.Host.Snapshot.TscKhz?.Value;
        RefusalRule? rule = TscClauses.Set(vcpu, khz);
        return rule is not null && current == khz ? null : rule;
    }

    /// <summary>The MSRs that this host's KVM lists; the others are passed over, and a finding where they may be in use (contract M2).</summary>
    private MsrValue[] Loadable(CarriedState state, PaperVcpu? before)
    {
        if (vcpu.Host.Listed is null)
        {
            report.Missing("savedMsrs", ClauseTable.MsrNotListed);
            return InOrder(state.Msrs, all: true);
        }

        if (question.State is not null)
        {
            foreach (MsrValue msr in state.Msrs.Where(msr => msr.Value != 0 && !IsKnown(msr.Index) && IsRestored(msr.Index)))
            {
                report.Add(ClauseTable.MsrNotListed, new Subject(SubjectKind.Msr, msr.Index), msr.Value);
            }
        }
        else if (before?.Host.Listed is { } listed)
        {
            PassedOver(before, listed);
        }

        return InOrder(state.Msrs, all: false);
    }

    private void PassedOver(PaperVcpu before, ImmutableArray<uint> listed)
    {
        if (ReferenceEquals(before.Host, vcpu.Host))
        {
            return;
        }

        foreach (uint index in listed)
        {
            if (!IsKnown(index) && IsRestored(index) && index != MsrIndex.MsrKvmAsyncPfInt
                && KnownMsrs.Find(index)?.IsPromised(question.Guest.Cpuid) is not false
                && MsrClauses.Read(before, index, out ulong value) is null)
            {
                report.Add(ClauseTable.MsrNotListed, new Subject(SubjectKind.Msr, index), value);
            }
        }
    }

    private bool IsKnown(uint index) => vcpu.Host.Lists(index) || question.Guest.FeatureMsrs.Contains(index);

    /// <summary>Feature MSRs are given by the setup, not restored (contract M7).</summary>
    public static bool IsRestored(GuestContract guest, uint index) => !guest.FeatureMsrs.Contains(index) && !VmxCapabilities.Has(index);

    private bool IsRestored(uint index) => IsRestored(question.Guest, index);

    /// <summary>
    /// What is restored, all or what this host lists: IA32_FEATURE_CONTROL first, IA32_TSC_DEADLINE last. Of an index that a given state
    /// has twice, the last value at the first one's place.
    /// </summary>
    private MsrValue[] InOrder(ImmutableArray<MsrValue> msrs, bool all)
    {
        MsrValue[] order = new MsrValue[msrs.Length];
        Dictionary<uint, int>? places = question.State is null ? null : [];
        int count = 0;
        foreach (MsrValue msr in msrs)
        {
            if ((!all && !IsKnown(msr.Index)) || !IsRestored(msr.Index))
            {
                continue;
            }

            if (places is null || places.TryAdd(msr.Index, count))
            {
                order[count++] = msr;
            }
            else
            {
                order[places[msr.Index]] = msr;
            }
        }

        Span<MsrValue> restored = order.AsSpan(0, count);
        Move(restored, MsrIndex.Ia32FeatureControl, 0);
        Move(restored, MsrIndex.Ia32TscDeadline, count - 1);
        return count == order.Length ? order : restored.ToArray();
    }

    /// <summary>Moves an MSR to a place; the others keep their order.</summary>
    private static void Move(Span<MsrValue> msrs, uint index, int place)
    {
        int at = 0;
        while (at < msrs.Length && msrs[at].Index != index)
        {
            at++;
        }

        if (at == msrs.Length || at == place)
        {
            return;
        }

        MsrValue moved = msrs[at];
        if (at > place)
        {
            msrs[place..at].CopyTo(msrs[(place + 1)..]);
        }
        else
        {
            msrs[(at + 1)..(place + 1)].CopyTo(msrs[at..]);
        }

        msrs[place] = moved;
    }
}
