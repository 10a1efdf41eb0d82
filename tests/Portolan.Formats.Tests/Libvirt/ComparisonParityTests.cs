using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.Libvirt;

/// <summary>Portolan's verdict beside libvirt's own: for the CPUs its tests compare, and for the models it chose on recorded hosts.</summary>
public sealed class ComparisonParityTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, NamedCpu> Cpus = NamedJudging.Table("compare-cpus.tsv")
        .ToDictionary(static row => row[0], static row => NamedJudging.Cpu(row[1], row[2], row[3], row[4]), StringComparer.Ordinal);

    [Fact]
    public void Every_comparison_of_libvirts_tests_has_our_verdict_or_an_explanation()
    {
        int same = 0;
        int explained = 0;
        foreach (string[] row in NamedJudging.Table("compare.tsv"))
        {
            Assert.Equal(6, row.Length);
            Assert.All(row, static field => Assert.NotEmpty(field));
            (string ours, string against) = Ours(row[0], row[1]);
            bool agrees = (row[2] == "incompatible") == (ours == "incompatible");
            Assert.True(ours + against == row[3], $"{row[0]} {row[1]}: libvirt {row[2]}, ours {ours}{against}, the table says {row[3]}");
            Assert.True(agrees == (row[4] == "-"), $"{row[0]} {row[1]}: libvirt {row[2]}, ours {ours}{against}: explained by '{row[4]}'");
            same += agrees ? 1 : 0;
            explained += agrees ? 0 : 1;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{same + explained} comparisons of libvirt's own tests: {same} verdicts agree, {explained} differ and are explained"));
        Assert.Equal(33, same + explained);
    }

    private static (string Verdict, string Against) Ours(string host, string cpu)
    {
        HostSnapshot frame = Frame(Cpus[host].Vendor);
        CpuidTable table = frame.SupportedCpuid!.Value;
        ImmutableHashSet<CpuidFeature> has = Cpus[host].Promised(static _ => false);
        HostSnapshot snapshot = frame with { SupportedCpuid = frame.SupportedCpuid with { Value = NamedJudging.With(table, has, Cpus[host].Vendor) } };
        CpuidTable guest = NamedJudging.With(snapshot.SupportedCpuid!.Value, Cpus[cpu].Promised(has.Contains), Cpus[cpu].Vendor);
        (Verdict verdict, string[] against) = NamedJudging.Judge(snapshot, guest);
        return (verdict == Verdict.Incompatible ? "incompatible" : verdict == Verdict.Unknown ? "unknown" : "compatible", against.Length == 0 ? "" : $": {string.Join(' ', against)}");
    }

    /// <summary>A host of which everything is known.</summary>
    private static HostSnapshot Frame(string vendor)
    {
        string file = vendor == "AMD" ? "amd-qemu-max-6.12.117.json" : "intel-bochs-skylake-x-6.12.117.json";
        return HostSnapshotDocument.Read(file, File.ReadAllBytes(Repository.At("data", "hosts", file))).Value!;
    }

    [Fact]
    public void Every_model_that_libvirt_chose_runs_on_the_host_it_was_chosen_for_or_the_reason_is_known()
    {
        _ = Repository.SharedData(LibvirtCaptures.Folder);
        SortedDictionary<string, SortedSet<string>> against = new(StringComparer.Ordinal);
        Dictionary<string, (int Chosen, int Runs)> counts = new(StringComparer.Ordinal) { ["json"] = (0, 0), ["cpuid"] = (0, 0) };
        foreach (string[] row in NamedJudging.Table("chosen-cpus.tsv"))
        {
            NamedCpu cpu = NamedJudging.Cpu("exact", row[2], row[3], row[4]);
            HostSnapshot host = row[1] == "json" ? FormatRecognition.Read(LibvirtCaptures.Request(row[0], "json")).Value!.Snapshot : Predicted(row[0]);
            CpuidTable guest = NamedJudging.With(host.SupportedCpuid!.Value, cpu.Promised(static _ => false), row[3]);
            (Verdict verdict, string[] found) = NamedJudging.Judge(host, guest);
            counts[row[1]] = (counts[row[1]].Chosen + 1, counts[row[1]].Runs + (verdict == Verdict.Incompatible ? 0 : 1));
            foreach (string one in found)
            {
                if (!against.TryGetValue($"{row[1]} {one}", out SortedSet<string>? hosts))
                {
                    against.Add($"{row[1]} {one}", hosts = new(StringComparer.Ordinal));
                }

                hosts.Add(row[0]);
            }
        }

        foreach ((string from, (int chosen, int runs)) in counts)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{chosen} CPUs that libvirt chose from {from}: {runs} run on the host they were chosen for, {chosen - runs} do not, for {against.Keys.Count(key => key.StartsWith(from, StringComparison.Ordinal))} explained reasons"));
        }

        Assert.Equal((27, 27), counts["json"]);
        Assert.Equal(34, counts["cpuid"].Chosen);
        Assert.Equal(
            NamedJudging.Table("chosen.tsv").Select(static row =>
            {
                Assert.Equal(5, row.Length);
                Assert.All(row, static field => Assert.NotEmpty(field));
                return $"{row[0]} {row[1]}: {row[2]}";
            }),
            against.Select(static one => $"{one.Key}: {string.Join(' ', one.Value)}"));
    }

    /// <summary>The processor's CPUID under a kernel of the lab.</summary>
    private static HostSnapshot Predicted(string name)
    {
        HostSnapshot native = new() { NativeCpuid = new(LibvirtCaptures.Native(name), new Evidence(EvidenceQuality.Recorded, "libvirt <cpudata>")) };
        return Predictor.WithKernel(native, new KernelRelease(6, 1, 192));
    }
}
