using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Compatibility.Tests;

/// <summary>Feature MSRs of which some bits are known: these decide in both engines and in the prepared form, and the others say unknown.</summary>
public sealed class PartlyKnownMsrTests
{
    private const int Batches = 6;
    private const ulong Ept = (ulong)VmxBits.SecondaryEnableEpt << 32;
    private const ulong Vpid = (ulong)VmxBits.SecondaryEnableVpid << 32;
    private static readonly HostSnapshot Full = BaseHosts.Shipped.First(static host => host.Name is "intel-bochs-skylake-x-6.12.117");
    private static readonly GuestContract Guest = GuestDefinition.From(Full, new GuestRequest()).Contract!;

    /// <summary>What a tool tells by name of a host: no capability, no component, and of the MSRs one bit.</summary>
    public static TheoryData<string, uint, ulong, bool, Verdict> OneBit => new()
    {
        { "vmx-ept=off", MsrIndex.Ia32VmxProcbasedCtls2, Ept, false, Verdict.Incompatible },
        { "vmx-ept=on", MsrIndex.Ia32VmxProcbasedCtls2, Ept, true, Verdict.Unknown },
        { "vmx-vpid=off", MsrIndex.Ia32VmxProcbasedCtls2, Vpid, false, Verdict.Incompatible },
        { "a bit that must be 1 and was not promised as 1", MsrIndex.Ia32VmxProcbasedCtls2, 1, true, Verdict.Incompatible },
        { "nothing of it", MsrIndex.Ia32VmxProcbasedCtls2, 0, false, Verdict.Unknown },
    };

    [Theory]
    [MemberData(nameof(OneBit))]
    public void A_host_known_by_names_alone_refuses_what_it_is_known_to_lack(string name, uint index, ulong bit, bool has, Verdict expected)
    {
        HostSnapshot named = Named(new PartlyKnownMsr(index, has ? bit : 0, bit));

        (Verdict clauses, Verdict model, Verdict prepared) = Judge(Full, named);

        Assert.True((clauses, model, prepared) == (expected, expected, expected), $"{name}: clauses {clauses}, model {model}, prepared {prepared}");
    }

    [Theory]
    [MemberData(nameof(OneBit))]
    public void A_host_known_but_for_the_other_bits_answers_the_same(string name, uint index, ulong bit, bool has, Verdict expected)
    {
        ulong own = Full.FeatureMsrs!.Value.Single(row => row.Index == index).Value;
        HostSnapshot changed = Full with { FeatureMsrs = BaseHosts.Fact(Full.FeatureMsrs.Value.With(index, has ? own | bit : own & ~bit)) };
        HostSnapshot partly = FactRemoval.Bits(index, ~bit).Apply(changed);

        (Verdict clauses, Verdict model, Verdict prepared) = Judge(Full, partly);

        Assert.True((clauses, model, prepared) == (expected, expected, expected), $"{name}: clauses {clauses}, model {model}, prepared {prepared}");
    }

    [Fact]
    public void Bits_that_do_not_matter_may_be_unknown()
    {
        ulong promised = Guest.FeatureMsrs.Single(static row => row.Index == MsrIndex.Ia32VmxProcbasedCtls2).Value;
        HostSnapshot partly = FactRemoval.Bits(MsrIndex.Ia32VmxProcbasedCtls2, ~promised & ~(ulong)uint.MaxValue).Apply(Full);

        Assert.Equal((Verdict.Compatible, Verdict.Compatible, Verdict.Compatible), Judge(Full, partly));
    }

    [Fact]
    public void A_route_between_two_hosts_known_by_names_is_blocked_by_the_second()
    {
        HostSnapshot first = Named(new PartlyKnownMsr(MsrIndex.Ia32VmxProcbasedCtls2, Ept, Ept));
        HostSnapshot second = Named(new PartlyKnownMsr(MsrIndex.Ia32VmxProcbasedCtls2, 0, Ept));
        RouteQuestion question = new() { Guest = Guest, Hosts = [new("first", first), new("second", second)] };

        foreach (Judgement judged in (Judgement[])[ClauseJudge.Judge(question), ModelJudge.Judge(question)])
        {
            Finding refused = Assert.Single(judged.Findings, static finding => finding.Severity == Kvm.Clauses.ClauseSeverity.Blocks);
            Assert.Equal(("vmx.restore.control-may-be-one", 1, MsrIndex.Ia32VmxProcbasedCtls2), (refused.Rule.Id, refused.Hop, refused.Subject.Number));
        }
    }

    [Fact]
    public void IA32_ARCH_CAPABILITIES_is_judged_bit_by_bit()
    {
        const ulong RdclNo = 1;
        const ulong Rsba = 1 << 2;
        const ulong MdsNo = 1 << 5;
        GuestContract guest = Guest with { FeatureMsrs = Guest.FeatureMsrs.With(MsrIndex.Ia32ArchCapabilities, RdclNo), Cpuid = Full.SupportedCpuid!.Value };
        Assert.True(guest.Cpuid.Has("arch-capabilities"));

        Assert.Equal(("missing", "missing"), Said(0, 0));
        Assert.Equal(("promise.arch-capabilities", "missing"), Said(0, RdclNo));
        Assert.Equal(("promise.arch-capabilities", "-"), Said(0, ulong.MaxValue));
        Assert.Equal(("-", "missing"), Said(RdclNo, RdclNo));
        Assert.Equal(("-", "-"), Said(RdclNo, ~MdsNo));
        Assert.Equal(("promise.arch-capabilities", "-"), Said(RdclNo | Rsba, ~MdsNo));

        (string, string) Said(ulong value, ulong known)
        {
            HostSnapshot host = Full with
            {
                FeatureMsrIndices = BaseHosts.Fact<ImmutableArray<uint>>([.. Full.FeatureMsrIndices!.Value.Append(MsrIndex.Ia32ArchCapabilities).Distinct().Order()]),
                FeatureMsrs = BaseHosts.Fact(Full.FeatureMsrs!.Value.Without(MsrIndex.Ia32ArchCapabilities)),
                PartlyKnownFeatureMsrs = BaseHosts.Fact<ImmutableArray<PartlyKnownMsr>>([new(MsrIndex.Ia32ArchCapabilities, value, known)]),
            };
            Judgement judged = ClauseJudge.Judge(new RouteQuestion { Guest = guest, Hosts = [new("source", Full), new("here", host)] });
            string found = judged.Findings.Any(static finding => finding.Hop == 1 && finding.Rule.Id == "promise.arch-capabilities") ? "promise.arch-capabilities" : "";
            string missing = judged.Missing.Any(static missing => missing is { Hop: 1, Rule.Id: "promise.arch-capabilities" }) ? "missing" : "-";
            return (found.Length > 0 ? found : known == 0 ? missing : "-", missing);
        }
    }

    /// <summary>Random routes over a host that forgot some bits: what is refused of its MSRs, both engines refuse.</summary>
    [Fact]
    public void Both_engines_refuse_the_same_MSRs_where_bits_are_unknown()
    {
        int decided = 0;
        int open = 0;
        List<string> wrong = [];
        Lock gate = new();
        Parallel.For(0, Batches, number =>
        {
            CaseBatch batch = new(9000 + (ulong)number);
            for (int at = 0; at < CaseBatch.Size; at++)
            {
                RouteCase one = batch.At(at);
                CaseRandom random = new(one.Seed);
                int hop = random.Below(one.Hosts.Length);
                ImmutableArray<uint> vmx = [.. one.Guest.Make().FeatureMsrs.Select(static row => row.Index).Where(VmxCapabilities.Has)];
                if (vmx.IsEmpty)
                {
                    continue;
                }

                // A host that has another bit in one of the MSRs, and of which some of its bits are told.
                uint index = random.Pick(vmx);
                Recipe<HostSnapshot> recipe = one.Hosts[hop].Recipe.With(Flipped(index, random.Bit())).With(FactRemoval.Bits(index, random.Bits() & random.Bits()));
                RouteCase less = one with { Hosts = one.Hosts.SetItem(hop, CaseHost.Of(recipe)) };
                string? disagreement = EngineComparison.Disagreement(less.Question(), out Judgement clauses, out Judgement model);
                HashSet<(int, string, uint)> onPaper = Refused(clauses);
                HashSet<(int, string, uint)> met = Refused(model);
                lock (gate)
                {
                    decided += onPaper.Count > 0 ? 1 : 0;
                    open += clauses.Missing.IsEmpty ? 0 : 1;
                    if (disagreement is not null || !onPaper.SetEquals(met))
                    {
                        wrong.Add($"{less}{Environment.NewLine}{disagreement}{Environment.NewLine}    clauses {string.Join(' ', onPaper)}{Environment.NewLine}    model {string.Join(' ', met)}");
                    }
                }
            }
        });
        Assert.True(wrong.Count == 0, $"{wrong.Count}; the first: {string.Join(Environment.NewLine, wrong.Take(3))}");
        Assert.All([decided, open], static count => Assert.True(count > 100, $"only {count}"));
    }

    private static Change<HostSnapshot> Flipped(uint index, ulong bit) => new($"MSR {index:x} ^{bit:x}", host =>
        host.FeatureMsrs is { } maxima && maxima.Value.TryGet(index, out ulong value) ? host with { FeatureMsrs = BaseHosts.Fact(maxima.Value.With(index, value ^ bit)) } : host);

    private static HashSet<(int, string, uint)> Refused(Judgement judged)
        => [.. judged.Findings.Where(static finding => finding.Rule.Id.StartsWith("vmx.restore.", StringComparison.Ordinal)).Select(static finding => (finding.Hop, finding.Rule.Id, finding.Subject.Number))];

    private static HostSnapshot Named(PartlyKnownMsr msr) => new()
    {
        SupportedCpuid = Full.SupportedCpuid,
        SupportedCpuidIsPartial = true,
        EmulatedCpuid = Full.EmulatedCpuid,
        PartlyKnownFeatureMsrs = BaseHosts.Fact<ImmutableArray<PartlyKnownMsr>>([msr]),
    };

    private static (Verdict Clauses, Verdict Model, Verdict Prepared) Judge(HostSnapshot source, HostSnapshot destination)
    {
        RouteQuestion question = new() { Guest = Guest, Hosts = [new("source", source), new("destination", destination)] };
        return (ClauseJudge.Judge(question).Verdict, ModelJudge.Judge(question).Verdict,
            PreparedVerdict.Judge(new PreparedGuest(Guest, question.Hosts[0]), new PreparedHost(question.Hosts[1])));
    }
}
