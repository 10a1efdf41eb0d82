using System.Globalization;
using Portolan.Documents;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.Qmp;

/// <summary>What QEMU said on a host and what the host's processor says of itself, feature by feature.</summary>
public sealed class AgreementTests(ITestOutputHelper output)
{
    private const int HostsWithBoth = 27;

    [Fact]
    public void Raw_CPUID_and_QMP_agree_on_every_named_feature_that_KVM_can_expose()
    {
        IReadOnlyList<string> hosts = LibvirtCaptures.WithBoth();
        List<Difference> differences = [];
        int agreed = 0;
        foreach (string name in hosts)
        {
            Reading<ImportedHost> read = FormatRecognition.Read(LibvirtCaptures.Request(name, "json"));
            Assert.True(read.Ok, read.ToString());
            CpuidTable native = LibvirtCaptures.Native(name);
            foreach (CpuidFeature feature in FeatureTable.All)
            {
                if (feature.Space == CpuidSpace.Cpu && feature.IsBit && !feature.VariesAtRunTime && Shown(read.Value.Snapshot, feature) is { } shown)
                {
                    if (shown == native.Has(feature))
                    {
                        agreed++;
                    }
                    else
                    {
                        differences.Add(new(feature, shown, name));
                    }
                }
            }
        }

        ILookup<string, Difference> by = differences.ToLookup(Why);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{hosts.Count} hosts with both: {agreed} features agree; {differences.Count} differ: {by[NotShown].Count()} {NotShown}, {by[Sometimes].Count()} {Sometimes}, {by[SetByKvm].Count()} {SetByKvm}, {by[Listed].Count()} {Listed}"));
        Assert.Equal(HostsWithBoth, hosts.Count);
        Assert.True(agreed > 4000, $"only {agreed} features were compared");
        Assert.Equal(
            ListedDifferences(),
            by[Listed].GroupBy(static one => one.Key, StringComparer.Ordinal).OrderBy(static group => group.Key, StringComparer.Ordinal)
                .Select(static group => $"{group.Key} {string.Join(' ', group.Select(static one => one.Host))}"));
    }

    private const string NotShown = "the processor has and no KVM shows";
    private const string Sometimes = "KVM shows only from some release on or under a condition";
    private const string SetByKvm = "KVM sets by itself";
    private const string Listed = "are explained one by one (agreement.tsv)";

    /// <summary>The exposure table's word on a difference, or that it has none.</summary>
    private static string Why(Difference difference)
    {
        ExposureRow[] rows = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.Bit && row.Subject == difference.Feature.Name)];
        if (difference.Shown)
        {
            return rows.Any(static row => row.Rule == ExposureRule.Set) ? SetByKvm : Listed;
        }

        return rows.Length == 0 ? NotShown : rows.Any(static row => row.When.IsEmpty && row.Kernels.Any(static span => span.ToString() == "..")) ? Listed : Sometimes;
    }

    private static IEnumerable<string> ListedDifferences()
        => File.ReadLines(Repository.At("tests", "Portolan.Formats.Tests", "Qmp", "agreement.tsv"))
            .Where(static line => !line.StartsWith('#')).Skip(1).Select(static line => line.Split('\t')).Select(static row =>
            {
                Assert.Equal(5, row.Length);
                Assert.All(row, static field => Assert.NotEmpty(field));
                return $"{row[0]} {row[1]} {row[2]}";
            });

    private static bool? Shown(HostSnapshot host, CpuidFeature feature)
    {
        uint unknown = host.UnknownCpuidBits?.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)[feature.Register] ?? 0;
        return host.SupportedCpuid!.Value.Contains(feature.Address) && (unknown & feature.RegisterMask) == 0
            ? host.SupportedCpuid.Value.Has(feature)
            : null;
    }

    private sealed record Difference(CpuidFeature Feature, bool Shown, string Host)
    {
        public string Key => $"{Feature.Name} {(Shown ? "qmp" : "processor")}";
    }
}
