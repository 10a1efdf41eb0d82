using System.Collections.Immutable;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Lint;

/// <summary>What the guest of a lint can have: what its contract promises or, without a contract, whatever the host supports.</summary>
internal sealed class LintedGuest(HostSnapshot host, GuestContract? guest, SaveSet saves, ImmutableArray<string> without)
{
    private const string EveryHyperv = "hyperv";

    /// <summary>Can the guest have the state of a row?</summary>
    public Answer Can(GuestStateRow row, uint? msr)
    {
        if (row.Needs is ["cpuid"])
        {
            return KnownMsrs.Find(msr ?? row.Item.Msrs[0].First) is { } known ? Can(known) : Answer.Unknown(KnownMsrs.Describe(msr ?? 0));
        }

        return row.Needs is [] ? Answer.Yes("every guest has it") : Any(row.Needs);
    }

    /// <summary>Can it have any of these? The first that it has says why.</summary>
    public Answer Any(IEnumerable<string> needs)
    {
        Answer best = Answer.No;
        foreach (string need in needs)
        {
            Answer one = One(need);
            if (one.Value == true)
            {
                return one;
            }

            best = best.Value is null ? best : one;
        }

        return best;
    }

    private Answer Can(KnownMsr msr)
        => msr.Needs.Count == 0 ? Answer.Yes("every guest may use it")
            : msr.Needs.Contains(KnownMsr.Unpromised) ? Answer.Yes("no CPUID bit says which guest may use it")
            : Any(msr.Needs);

    private Answer One(string need) => need switch
    {
        "supervisor-components" => Components(guest?.PromisedXss, host.SupportedXss, "IA32_XSS", "supportedXss"),
        "dynamic-components" => Components(
            guest?.PromisedXcr0 & XFeatureTable.Dynamic,
            host.SupportedXcr0 is { } xcr0 ? xcr0 with { Value = xcr0.Value & XFeatureTable.Dynamic } : null,
            "XCR0",
            "supportedXcr0"),
        "kernel-irqchip" => saves.KernelIrqchip ? Answer.Yes("KVM has the interrupt controllers of the guest") : Answer.No,
        "kernel-pit" => saves.KernelPit ? Answer.Yes("KVM has the i8254 of the guest") : Answer.No,
        _ => Feature(FeatureTable.Get(need)),
    };

    private static Answer Components(XFeatureMask? promised, Fact<XFeatureMask>? supported, string register, string fact)
        => promised is { } own ? (own.IsEmpty ? Answer.No : Answer.Yes($"the guest is promised {register} {XFeatureTable.Names(own)}"))
            : supported is null ? Answer.Unknown(fact)
            : supported.Value.IsEmpty ? Answer.No
            : Answer.Yes($"the host supports {register} {XFeatureTable.Names(supported.Value)}");

    private Answer Feature(CpuidFeature feature)
    {
        if (guest is not null)
        {
            return guest.Cpuid.Has(feature) ? Answer.Yes($"the guest is promised {feature}") : Answer.No;
        }

        if (without.Contains(feature.Name) || (feature.Space == CpuidSpace.HyperV && without.Contains(EveryHyperv)))
        {
            return Answer.No;
        }

        bool hyperv = feature.Space == CpuidSpace.HyperV;
        CpuidTable? table = (hyperv ? host.HypervCpuid : host.SupportedCpuid)?.Value;
        if (table is null)
        {
            return Answer.Unknown(hyperv ? "hypervCpuid" : "supportedCpuid");
        }

        return !hyperv && IsUnknown(table, feature) ? Answer.Unknown($"{feature}")
            : table.Has(feature) ? Answer.Yes($"the host supports {feature}")
            : Answer.No;
    }

    private bool IsUnknown(CpuidTable table, CpuidFeature feature)
    {
        if (HypervisorLeaves.BaseOf(table, feature.Space) is not { } start)
        {
            return host.SupportedCpuidIsPartial;
        }

        CpuidAddress at = new(start + feature.Address.Leaf, feature.Address.Subleaf);
        CpuidValues? unknown = host.UnknownCpuidBits?.GetOrZero(at.Leaf, at.Subleaf);
        return (unknown?[feature.Register] & feature.RegisterMask) is > 0 || (host.SupportedCpuidIsPartial && !table.TryGet(at.Leaf, at.Subleaf, out _));
    }
}
