using System.Numerics;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Routes;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What the guest was promised in CPUID against what the host's KVM supports (contract S1): KVM itself does not look.</summary>
internal static class PromiseClauses
{
    private static readonly CpuidFeature Vendor = FeatureTable.Get("vendor-0");
    private static readonly CpuidFeature PhysBits = FeatureTable.Get("phys-bits");
    /// <summary>The word that names the vendor.</summary>
    public static int VendorWord { get; } = CpuidWords.WordOf(Vendor);

    /// <summary>Every feature bit, word by word.</summary>
    public static void Features(PaperVcpu vcpu, HopReport report)
    {
        (GuestFacts guest, HostFacts host) = (vcpu.Guest, vcpu.Host);
        if (host.WordsFor(vcpu.Permitted) is not { } offered)
        {
            report.Missing("supportedCpuid", ClauseTable.PromiseCpuid);
            return;
        }

        uint[] promised = guest.Words;
        for (int word = 0; word < promised.Length; word++)
        {
            uint lacking = promised[word] & ~offered[word] & CpuidWords.Subset[word];
            uint inverted = (offered[word] & ~promised[word] & CpuidWords.Inverted[word]) | ((offered[word] ^ promised[word]) & CpuidWords.Equal[word]);
            if ((lacking | inverted) != 0)
            {
                Expand(guest, host, report, word, lacking, ClauseTable.PromiseCpuid);
                Expand(guest, host, report, word, inverted, ClauseTable.PromiseInverted);
            }
        }

        Unknown(guest, host, report);
    }

    /// <summary>XSAVE components, user and supervisor, promised in leaf 0DH and not supported.</summary>
    public static void Components(GuestFacts guest, HostFacts host, HopReport report)
    {
        XFeatureMask lacking = (guest.Promised | XFeatureMask.Legacy).Except(host.Supported | XFeatureMask.Legacy);
        if (!lacking.IsEmpty)
        {
            report.Add(ClauseTable.PromiseComponent, new Subject(SubjectKind.Components), lacking.Bits, host.Supported.Bits);
        }
    }

    /// <summary>Numbers: those that must not exceed, or must equal, the host's; and the vendor.</summary>
    public static void Numbers(GuestFacts guest, HostFacts host, HopReport report)
    {
        if (host.Words is not { } offered)
        {
            return;
        }

        if (guest.Words[VendorWord] != 0 && guest.Words[VendorWord] != offered[VendorWord])
        {
            report.Add(ClauseTable.PromiseVendor, new Subject(SubjectKind.Feature, (uint)Vendor.Index), guest.Words[VendorWord], offered[VendorWord]);
        }

        foreach ((CpuidFeature field, int word) in CpuidWords.Numbers)
        {
            uint promised = field.ValueIn(guest.Words[word]);
            uint has = field.ValueIn(offered[word]);
            if (promised == 0 || promised == has || IsVendor(field) || MigrationRules.IsKept(field.Rule, promised, has))
            {
                continue;
            }

            bool known = host.UnknownWords is null || (host.UnknownWords[word] & field.RegisterMask) == 0;
            if (!known)
            {
                report.Missing($"supportedCpuid {field.Name}", ClauseTable.PromiseNumber);
                continue;
            }

            report.Add(RuleOf(field), IsLeafCount(field) ? ClauseSeverity.Notes : ClauseSeverity.Breaks, new Subject(SubjectKind.Feature, (uint)field.Index), promised, has);
        }
    }

    /// <summary>
    /// Leaf 0DH of the guest against the hardware's: the guest's own XSAVE uses the hardware's offsets whatever its CPUID says (contract S21).
    /// </summary>
    public static void Layout(GuestFacts guest, HostFacts host, HopReport report)
    {
        foreach (int component in (guest.Promised & host.Supported).Except(XFeatureMask.Legacy).Components())
        {
            if (!guest.Contract.Cpuid.TryGet(XsaveLeaf.Leaf, (uint)component, out CpuidValues promised) || component >= host.Places.Length)
            {
                continue;
            }

            (int offset, int size) = host.Places[component];
            if (promised.Ebx != (uint)offset || promised.Eax != (uint)size)
            {
                report.Add(ClauseTable.PromiseXsaveLayout, new Subject(SubjectKind.Component, (uint)component), promised.Ebx, (ulong)offset);
            }
        }
    }

    private static void Expand(GuestFacts guest, HostFacts host, HopReport report, int word, uint offending, RefusalRule rule)
    {
        for (uint rest = offending; rest != 0; rest &= rest - 1)
        {
            int bit = BitOperations.TrailingZeroCount(rest);
            if (CpuidWords.BitAt(word, bit) is not { } feature || !feature.Matters(guest.Contract.Cpuid))
            {
                continue;
            }

            if (host.UnknownWords is { } unknown && (unknown[word] >> bit & 1) != 0)
            {
                report.Missing($"supportedCpuid {feature.Name}", rule);
                continue;
            }

            if (ReferenceEquals(rule, ClauseTable.PromiseCpuid) && host.Snapshot.EmulatedCpuid is null && EmulableFeatures.Contains(feature))
            {
                report.Missing("emulatedCpuid", ClauseTable.PromiseEmulated);
                continue;
            }

            ulong promised = guest.Words[word] >> bit & 1;
            bool emulated = ReferenceEquals(rule, ClauseTable.PromiseCpuid) && host.Snapshot.EmulatedCpuid?.Value.Has(feature) is true;
            report.Add(emulated ? ClauseTable.PromiseEmulated : rule, new Subject(SubjectKind.Feature, (uint)feature.Index), promised, promised ^ 1);
        }
    }

    /// <summary>Bits that decide and that the snapshot does not tell: reported unless the values offend anyway.</summary>
    private static void Unknown(GuestFacts guest, HostFacts host, HopReport report)
    {
        if (host.UnknownWords is not { } unknown)
        {
            return;
        }

        for (int word = 0; word < unknown.Length; word++)
        {
            uint satisfied = unknown[word] & guest.Words[word] & host.Words![word] & CpuidWords.Subset[word];
            uint inverted = unknown[word] & ~(guest.Words[word] ^ host.Words![word]) & (CpuidWords.Inverted[word] & ~guest.Words[word] | CpuidWords.Equal[word]);
            for (uint rest = satisfied | inverted; rest != 0; rest &= rest - 1)
            {
                int bit = BitOperations.TrailingZeroCount(rest);
                if (CpuidWords.BitAt(word, bit) is { } feature && feature.Matters(guest.Contract.Cpuid))
                {
                    report.Missing($"supportedCpuid {feature.Name}", ClauseTable.PromiseCpuid);
                }
            }
        }
    }

    /// <summary>The clause of a number.</summary>
    internal static RefusalRule RuleOf(CpuidFeature field) => ReferenceEquals(field, PhysBits) ? ClauseTable.PromisePhysicalWidth : ClauseTable.PromiseNumber;

    /// <summary>Is the number part of the vendor's name, which has a clause of its own?</summary>
    internal static bool IsVendor(CpuidFeature field) => field.Address == Vendor.Address && field.Rule == MigrationRule.Equal;

    /// <summary>How many leaves or subleaves there are: the guest's leaves are those of its own table.</summary>
    internal static bool IsLeafCount(CpuidFeature field)
        => field is { Rule: MigrationRule.NotGreater, LowBit: 0, Width: 32, Register: CpuidRegister.Eax } && field.Address.Subleaf == 0;
}
