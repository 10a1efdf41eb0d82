using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.Libvirt;

/// <summary>A CPU as libvirt spells it: a model, a vendor, features with a policy.</summary>
/// <param name="Match">host for a host's CPU, else minimum, exact or strict.</param>
/// <param name="Model">The model, or -.</param>
/// <param name="Vendor">libvirt's word, or -.</param>
/// <param name="Features">Names with the policy's sign before them.</param>
internal sealed record NamedCpu(string Match, string Model, string Vendor, ImmutableArray<string> Features)
{
    /// <summary>What the guest is promised, or the host has: the model's features and the policies over them. Optional ones follow the host.</summary>
    public ImmutableHashSet<CpuidFeature> Promised(Func<CpuidFeature, bool> hostHas)
    {
        ImmutableHashSet<CpuidFeature>.Builder promised = ImmutableHashSet.CreateBuilder<CpuidFeature>();
        if (Model != "-")
        {
            Assert.True(CpuModelTable.TryFind(CpuModelOrigin.Libvirt, Model, out CpuModel? model), Model);
            promised.UnionWith(model.Features.SelectMany(Bits));
        }

        foreach (string feature in Features)
        {
            CpuidFeature[] bits = Bits(feature[1..]);
            if (feature[0] is '+' or '!' || (feature[0] == '?' && bits.All(hostHas)))
            {
                promised.UnionWith(bits);
            }
            else
            {
                promised.ExceptWith(bits);
            }
        }

        return promised.ToImmutable();
    }

    private static CpuidFeature[] Bits(string libvirt)
        => [.. FeatureTable.FindAll(libvirt).Where(feature => feature.Space == CpuidSpace.Cpu && feature.IsBit && feature.Libvirt.Any(name => name.Replace('_', '-') == libvirt.Replace('_', '-')))];
}

/// <summary>Hosts and guests out of names, and what Portolan says of them.</summary>
internal static class NamedJudging
{
    private static readonly CpuidFeature[] Named = [.. FeatureTable.All.ToArray().Where(static feature => feature.Space == CpuidSpace.Cpu && feature.IsBit && feature.Libvirt.Count > 0 && !feature.VariesAtRunTime)];
    private static readonly CpuidFeature[] Repeated = [.. FeatureTable.All.ToArray().Where(static feature => feature.Note == "repeats leaf 1")];

    public static IEnumerable<string[]> Table(params string[] path)
        => File.ReadLines(Repository.At(["tests", "Portolan.Formats.Tests", "Libvirt", .. path])).Where(static line => !line.StartsWith('#')).Skip(1).Select(static line => line.Split('\t'));

    public static NamedCpu Cpu(string match, string model, string vendor, string features)
        => new(match, model, vendor, features == "-" ? [] : [.. features.Split(' ')]);

    /// <summary>A table with exactly these of the named features; numbers and sizes are the base's.</summary>
    public static CpuidTable With(CpuidTable table, ImmutableHashSet<CpuidFeature> features, string vendor)
    {
        CpuidTable edited = table;
        foreach (CpuidFeature feature in Named)
        {
            if (edited.Has(feature) != features.Contains(feature))
            {
                edited = edited.WithValue(feature, features.Contains(feature) ? 1u : 0u);
            }
        }

        if (Word(vendor) is { } letters)
        {
            edited = edited.With(0, 0, edited.GetOrZero(0) with { Ebx = letters.Ebx, Ecx = letters.Ecx, Edx = letters.Edx });
        }

        bool amd = edited.GetOrZero(0).Ebx != 0x756e6547;
        foreach (CpuidFeature feature in Repeated)
        {
            edited = edited.WithValue(feature, amd ? edited.Value(FeatureTable.Get(feature.Name["amd-".Length..])) : 0);
        }

        return edited.Has("xsave") ? edited : edited.Without(static entry => entry.Address.Leaf == 0xd);
    }

    /// <summary>May the guest run on the host? The named features that say no, the vendor as <c>vendor</c>, and the verdict.</summary>
    public static (Verdict Verdict, string[] Against) Judge(HostSnapshot host, CpuidTable guest)
    {
        Judgement judgement = ClauseJudge.Judge(new RouteQuestion
        {
            Guest = new GuestContract { Cpuid = guest },
            Hosts = [new JudgedHost("host", host)],
        });
        return (judgement.Verdict, [.. judgement.Findings.Where(static one => one.Severity >= ClauseSeverity.Breaks && !IsRepetition(one.Subject)).Select(static one => one.Subject.Kind == SubjectKind.Feature ? FeatureTable.At((int)one.Subject.Number).Name : $"{one.Rule.Id}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);
    }

    private static bool IsRepetition(Subject subject) => subject.Kind == SubjectKind.Feature && Repeated.Contains(FeatureTable.At((int)subject.Number));

    private static CpuidValues? Word(string vendor) => vendor switch
    {
        "Intel" => new(0, 0x756e6547, 0x6c65746e, 0x49656e69),
        "AMD" => new(0, 0x68747541, 0x444d4163, 0x69746e65),
        _ => null,
    };
}
