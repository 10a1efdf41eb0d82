using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Remedies;

/// <summary>What might help against the findings of a judgement. Whether it does is for the judge to say.</summary>
internal static class RemedyCandidates
{
    private const int MostHostsInBetween = 4;

    /// <summary>The candidates, cheapest kinds first.</summary>
    public static IEnumerable<Remedy> Of(RouteQuestion question, Judgement judgement)
    {
        ImmutableArray<Finding> bad = [.. judgement.Findings.Where(static finding => finding.IsIncompatible)];
        return Sanitise(question, bad)
            .Concat(Permission(question, bad))
            .Concat(Reorder(question))
            .Concat(Relevel(question, bad))
            .Concat(Mask(question))
            .Concat(Parameters(question, bad))
            .Concat(Kernels(question, bad));
    }

    private static IEnumerable<Remedy> Sanitise(RouteQuestion question, ImmutableArray<Finding> bad)
    {
        ulong promised = (question.Guest.PromisedXcr0 | XFeatureMask.Legacy).Bits;
        XFeatureMask leaked = new(bad.Where(static finding => finding.Rule.Id.StartsWith("xsave.set.", StringComparison.Ordinal))
            .Aggregate(0UL, (mask, finding) => mask | (finding.Guest & ~promised)));
        if (!leaked.IsEmpty)
        {
            yield return new Remedy(
                RemedyKind.SanitiseXstateBv,
                $"let the VMM clear {XFeatureTable.Names(leaked)} from XSTATE_BV before it loads the image: the guest was never promised it",
                static left => left with { SanitisesXstateBv = true });
        }
    }

    private static IEnumerable<Remedy> Permission(RouteQuestion question, ImmutableArray<Finding> bad)
    {
        XFeatureMask dynamic = question.Guest.PromisedXcr0 & XFeatureTable.Dynamic;
        foreach (Finding finding in bad.Where(static finding => ReferenceEquals(finding.Rule, ClauseTable.CpuidSetDynamicPermission)))
        {
            yield return new Remedy(
                RemedyKind.RequestPermission,
                $"let the VMM on {question.Hosts[finding.Hop].Name} request {XFeatureTable.Names(dynamic)} by ARCH_REQ_XCOMP_GUEST_PERM before its first vCPU",
                left => left with
                {
                    Unpermitted = left.Unpermitted.Remove(finding.Hop),
                    Guest = left.Guest with { GuestPermission = left.Guest.GuestPermission | dynamic },
                });
        }
    }

    private static IEnumerable<Remedy> Reorder(RouteQuestion question)
    {
        int between = question.Hosts.Length - 2;
        if (between is < 2 or > MostHostsInBetween)
        {
            yield break;
        }

        int[] order = [.. Enumerable.Range(1, between)];
        foreach (int[] other in Permutations(order).Where(other => !other.SequenceEqual(order)))
        {
            ImmutableArray<JudgedHost> hosts = [question.Hosts[0], .. other.Select(hop => question.Hosts[hop]), question.Hosts[^1]];
            yield return new Remedy(
                RemedyKind.ReorderHops,
                $"take the route {string.Join(" -> ", hosts.Select(static host => host.Name))}",
                left => left with { Hosts = [left.Hosts[0], .. other.Select(hop => left.Hosts[hop]), left.Hosts[^1]] });
        }
    }

    private static IEnumerable<int[]> Permutations(int[] items)
        => items.Length <= 1 ? [items] : items.SelectMany(item => Permutations([.. items.Where(other => other != item)]).Select(rest => (int[])[item, .. rest]));

    /// <summary>Feature MSRs that each host of the route takes.</summary>
    private static IEnumerable<Remedy> Relevel(RouteQuestion question, ImmutableArray<Finding> bad)
    {
        if (!bad.Any(static finding => finding.Subject.Kind == SubjectKind.Msr))
        {
            yield break;
        }

        MsrTable? common = question.Guest.FeatureMsrs;
        foreach (JudgedHost host in question.Hosts)
        {
            common = common is null ? null : CommonPromise.Of(common, host.Snapshot, out _);
        }

        if (common is not null && !common.SequenceEqual(question.Guest.FeatureMsrs))
        {
            string changed = string.Join(", ", question.Guest.FeatureMsrs
                .Where(row => !common.TryGet(row.Index, out ulong value) || value != row.Value)
                .Select(row => KnownMsrs.Describe(row.Index) + (common.TryGet(row.Index, out ulong value) ? string.Create(CultureInfo.InvariantCulture, $" = 0x{value:x}") : " left out")));
            yield return new Remedy(
                RemedyKind.RelevelMsrs,
                $"from the guest's next start give it the feature MSRs that every host takes: {changed}",
                left => left with { Guest = left.Guest with { FeatureMsrs = common }, State = null });
        }
    }

    /// <summary>CPUID that each host of the route supports.</summary>
    private static IEnumerable<Remedy> Mask(RouteQuestion question)
    {
        GuestContract guest = question.Guest;
        CpuidTable common = guest.Cpuid;
        foreach (CpuidTable supported in question.Hosts.Select(static host => host.Snapshot.SupportedCpuid?.Value).OfType<CpuidTable>())
        {
            common = CommonPromise.Of(common, supported);
        }

        string[] masked = [.. FeatureTable.All.ToArray().Where(field => field is { IsBit: true, Space: CpuidSpace.Cpu } && !field.VariesAtRunTime && guest.Cpuid.Has(field) && !common.Has(field)).Select(static field => field.Name)];
        if (masked.Length == 0)
        {
            yield break;
        }

        yield return new Remedy(
            RemedyKind.MaskFeatures,
            $"from the guest's next start promise it less: without {string.Join(", ", masked)}",
            left => left with
            {
                Guest = left.Guest with { Cpuid = common, GuestPermission = left.Guest.GuestPermission & XsaveLeaf.Xcr0(common), FeatureMsrs = Without(left.Guest.FeatureMsrs, common) },
                State = null,
            });
    }

    /// <summary>The feature MSRs that a CPUID without their features leaves.</summary>
    private static MsrTable Without(MsrTable msrs, CpuidTable cpuid)
        => MsrTable.From(msrs.Where(row => KnownMsrs.Find(row.Index)?.IsPromised(cpuid) is not false));

    private static IEnumerable<Remedy> Parameters(RouteQuestion question, ImmutableArray<Finding> bad)
    {
        foreach ((int hop, string name, string value) in bad.SelectMany(finding => ParametersFor(finding, question.Hosts[finding.Hop].Snapshot)).Distinct())
        {
            yield return new Remedy(
                RemedyKind.ModuleParameter,
                $"load KVM on {question.Hosts[hop].Name} with {name}={value}",
                left => WithHost(left, hop, Predictor.WithModuleParameter(left.Hosts[hop].Snapshot, name, value)));
        }
    }

    private static IEnumerable<(int Hop, string Name, string Value)> ParametersFor(Finding finding, HostSnapshot host)
    {
        string? name = finding switch
        {
            { Subject.Kind: SubjectKind.Feature } when FeatureTable.At((int)finding.Subject.Number).Name == "vmx" => "kvm_intel.nested",
            { Subject.Kind: SubjectKind.Feature } when FeatureTable.At((int)finding.Subject.Number).Name == "svm" => "kvm_amd.nested",
            { Subject.Kind: SubjectKind.Feature } when FeatureTable.At((int)finding.Subject.Number).Name.StartsWith("pmu-", StringComparison.Ordinal) => "kvm.enable_pmu",
            _ => null,
        };
        if (name is not null && host.ModuleParameters?.Value.TryGetValue(name, out string? set) is true && set is "0" or "N")
        {
            yield return (finding.Hop, name, set == "N" ? "Y" : "1");
        }
    }

    /// <summary>The first later release of each generation, in the host's own line before others, and the kernels of the other hosts.</summary>
    private static IEnumerable<Remedy> Kernels(RouteQuestion question, ImmutableArray<Finding> bad)
    {
        foreach (int hop in bad.SelectMany(static finding => new[] { finding.Hop, finding.Hop - 1 }).Where(static hop => hop >= 0).Distinct().Order())
        {
            HostSnapshot host = question.Hosts[hop].Snapshot;
            if (!KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease own))
            {
                continue;
            }

            foreach (KernelRelease target in Releases(question, own))
            {
                yield return new Remedy(
                    RemedyKind.UpgradeKernel,
                    $"boot {question.Hosts[hop].Name} with Linux {target} (it runs {own})",
                    left => WithHost(left, hop, Predictor.WithKernel(left.Hosts[hop].Snapshot, target)));
            }
        }
    }

    private static IEnumerable<KernelRelease> Releases(RouteQuestion question, KernelRelease own)
    {
        IEnumerable<KernelRelease> fixes = GenerationTable.All.SelectMany(static generation => generation.Kernels).Select(static span => span.From).OfType<KernelRelease>();
        IEnumerable<KernelRelease> others = question.Hosts
            .Select(static host => KernelRelease.TryParse(host.Snapshot.KernelRelease?.Value, host.Snapshot.KernelVersion?.Value, out KernelRelease release) ? release : (KernelRelease?)null)
            .OfType<KernelRelease>();
        KernelRelease[] later = [.. fixes.Concat(others).Distinct().Where(release => release > own).Order()];

        // In each line the first release that a generation begins with; the lines in use before others.
        return later.Where(release => release.Line == own.Line).Concat(others.Where(release => release > own).Order()).Concat(later.Reverse()).Distinct().Take(4);
    }

    private static RouteQuestion WithHost(RouteQuestion question, int hop, HostSnapshot snapshot)
        => question with { Hosts = question.Hosts.SetItem(hop, new JudgedHost(question.Hosts[hop].Name, snapshot)) };
}
