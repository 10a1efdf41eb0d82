using System.Globalization;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Tests.Libvirt;

/// <summary>The libvirt of this machine, asked about every model it knows, beside Portolan's verdict of the same daemon's capabilities.</summary>
public sealed class LiveLibvirtTests(ITestOutputHelper output)
{
    [Fact]
    public void No_verdict_contradicts_cpu_compare_or_hypervisor_cpu_compare()
    {
        LiveLibvirt libvirt = LiveLibvirt.Ask();
        HostSnapshot processor = Seeds.Accepted(libvirt.Capabilities).Snapshot;
        HostSnapshot hypervisor = Seeds.Accepted(libvirt.DomainCapabilities).Snapshot;
        Assert.Contains("does not use KVM", Seeds.Read(libvirt.Emulated).ToString(), StringComparison.Ordinal);

        // cpu-compare asks about the processor itself: what it has is what is shown.
        processor = processor with { SupportedCpuid = processor.NativeCpuid, UnknownCpuidBits = processor.UnknownNativeBits, SupportedCpuidIsPartial = true };
        string[] contradictions = [.. Compare("cpu-compare", libvirt.Processor, processor), .. Compare("hypervisor-cpu-compare", libvirt.Hypervisor, hypervisor)];
        Assert.Equal([], contradictions);
    }

    private List<string> Compare(string command, IReadOnlyDictionary<string, bool> answers, HostSnapshot host)
    {
        Assert.True(answers.Count > 40, $"{command} answered only {answers.Count} models");
        SortedDictionary<string, int> counts = new(StringComparer.Ordinal);
        List<string> contradictions = [];
        foreach ((string model, bool runs) in answers)
        {
            NamedCpu cpu = NamedJudging.Cpu("exact", model, "-", "-");
            CpuidTable guest = NamedJudging.With(host.SupportedCpuid!.Value, cpu.Promised(static _ => false), "-");
            (string ours, string why) = Verdict(host, guest);
            string cell = $"libvirt {(runs ? "runs" : "incompatible")}, ours {ours}";
            counts[cell] = counts.GetValueOrDefault(cell) + 1;
            if (runs ? ours == "incompatible" : ours == "runs")
            {
                contradictions.Add($"{command} {model}: {cell} {why}");
            }
        }

        output.WriteLine($"{command}: {string.Join("; ", counts.Select(static cell => string.Create(CultureInfo.InvariantCulture, $"{cell.Key}: {cell.Value}")))}");
        return contradictions;
    }

    /// <summary>The verdict as far as names go: what XSAVE, MSRs and capabilities come to, no name tells.</summary>
    private static (string Verdict, string Why) Verdict(HostSnapshot host, CpuidTable guest)
    {
        Judgement judgement = ClauseJudge.Judge(new RouteQuestion { Guest = new GuestContract { Cpuid = guest }, Hosts = [new JudgedHost("host", host)] });
        Finding[] against = [.. judgement.Findings.Where(static one => one.Severity >= ClauseSeverity.Breaks && one.Subject.Kind == SubjectKind.Feature)];
        MissingEvidence[] missing = [.. judgement.Missing.Where(static one => one.Fact.StartsWith("supportedCpuid ", StringComparison.Ordinal))];
        return against.Length > 0 ? ("incompatible", string.Join(", ", against.Select(static one => X86.Features.FeatureTable.At((int)one.Subject.Number).Name)))
            : missing.Length > 0 ? ("unknown", string.Join(", ", missing.Select(static one => one.Fact)))
            : ("runs", "");
    }
}
