using System.Globalization;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.Libvirt;

/// <summary>The libvirt of this machine, asked about every model it knows, beside Portolan's verdict of the same daemon's capabilities.</summary>
public sealed class LiveLibvirtTests(ITestOutputHelper output)
{
    private const string Unknown = "supportedCpuid ";


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
        int explained = 0;
        foreach ((string model, bool runs) in answers)
        {
            NamedCpu cpu = NamedJudging.Cpu("exact", model, "-", "-");
            CpuidTable guest = NamedJudging.With(host.SupportedCpuid!.Value, cpu.Promised(static _ => false), "-");
            (string ours, string why) = Verdict(host, guest);
            string cell = $"libvirt {(runs ? "runs" : "incompatible")}, ours {ours}";
            counts[cell] = counts.GetValueOrDefault(cell) + 1;
            bool isExplained = !runs && ours == "runs" && FollowsAtRunTime(model);
            explained += isExplained ? 1 : 0;
            if (!isExplained && (runs ? ours != "runs" : ours == "runs"))
            {
                contradictions.Add($"{command} {model}: {cell} {why}");
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{command}: {string.Join("; ", counts.Select(static cell => string.Create(CultureInfo.InvariantCulture, $"{cell.Key}: {cell.Value}")))}; explained by monitor: {explained}"));
        return contradictions;
    }

    /// <summary>Has the model MONITOR, which KVM lets follow the guest's IA32_MISC_ENABLE (contract C4), so that no host is asked for it?</summary>
    private static bool FollowsAtRunTime(string model)
        => CpuModelTable.TryFind(CpuModelOrigin.Libvirt, model, out CpuModel? known) && known.Has("monitor") && FeatureTable.Get("monitor").VariesAtRunTime;

    /// <summary>The verdict as far as libvirt's names go: bits without a name, XSAVE, MSRs and capabilities are what libvirt does not compare either.</summary>
    private static (string Verdict, string Why) Verdict(HostSnapshot host, CpuidTable guest)
    {
        Judgement judgement = ClauseJudge.Judge(new RouteQuestion { Guest = new GuestContract { Cpuid = guest }, Hosts = [new JudgedHost("host", host)] });
        Finding[] against = [.. judgement.Findings.Where(static one => one.Severity >= ClauseSeverity.Breaks && one.Subject.Kind == SubjectKind.Feature)];
        MissingEvidence[] missing = [.. judgement.Missing.Where(static one => one.Fact.StartsWith(Unknown, StringComparison.Ordinal) && FeatureTable.Get(one.Fact[Unknown.Length..]).Libvirt.Count > 0)];
        return against.Length > 0 ? ("incompatible", string.Join(", ", against.Select(static one => FeatureTable.At((int)one.Subject.Number).Name)))
            : missing.Length > 0 ? ("unknown", string.Join(", ", missing.Select(static one => one.Fact)))
            : ("runs", "");
    }
}
