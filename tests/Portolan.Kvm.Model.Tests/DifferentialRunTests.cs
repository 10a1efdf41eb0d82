using System.Collections.Immutable;
using Portolan.Conformance;
using Portolan.Conformance.Differential;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Model.Tests;

/// <summary>The differential run, with a model in the kernel's place.</summary>
public sealed class DifferentialRunTests
{
    private const int Steps = 3_000;

    private static HostSnapshot Host { get; } = Hosts.AmdMax("6.1.192");

    [FactAttribute]
    public void Run_a_model_against_itself_has_no_difference()
    {
        DifferentialReport report = new DifferentialRun(Subject(Host), Subject(Host)).Run(Steps, seed: 7, TestContext.Current.CancellationToken);

        Assert.Empty(report.Mismatches);
        Assert.True(report.Ok && report.Steps >= Steps && report.Sequences > 50 && report.Ioctls > 5 * report.Steps);
        Assert.True(report.Undecided < report.Sequences / 2, $"{report.Undecided} of {report.Sequences} sequences decided nothing");
    }

    [Theory]
    [InlineData("G0", "KVM_GET_XSAVE")]
    [InlineData("G2a", "KVM_")]
    public void Run_a_kernel_of_another_generation_is_told_with_a_short_sequence(string generation, string group)
    {
        DifferentialReport report = new DifferentialRun(Subject(Host.As(generation)), Subject(Host.As("G2b"))).Run(Steps, seed: 7, TestContext.Current.CancellationToken);

        DifferentialMismatch found = Assert.Single(report.Mismatches.Where(mismatch => mismatch.Group.StartsWith(group, StringComparison.Ordinal)).Take(1));
        Assert.False(report.Ok);
        Assert.InRange(found.Steps.Length, 1, 4);
        Assert.NotEqual(found.Kernel, found.Model);
    }

    [FactAttribute]
    public void Run_the_same_seed_gives_the_same_report()
    {
        DifferentialReport[] reports = [.. Enumerable.Range(0, 2).Select(static _ => new DifferentialRun(Subject(Host.As("G0")), Subject(Host)).Run(500, seed: 3, TestContext.Current.CancellationToken))];

        Assert.NotEmpty(reports[0].Mismatches);
        Assert.Equal(
            reports[0].Mismatches.Select(static one => (one.Group, one.Times, one.Seed, string.Join('|', one.Steps))),
            reports[1].Mismatches.Select(static one => (one.Group, one.Times, one.Seed, string.Join('|', one.Steps))));
    }

    private static ConformanceSubject Subject(HostSnapshot host)
    {
        ModelSystem system = ModelSystem.TryCreate(host, KvmBehaviours.Of(host), out ImmutableArray<string> missing)
            ?? throw new InvalidOperationException(string.Join(", ", missing));
        return new ConformanceSubject("model", host, KvmBehaviours.Of(host), system.AnotherProcess, IsModel: true);
    }
}
