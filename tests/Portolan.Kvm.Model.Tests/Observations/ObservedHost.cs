using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Observations;

/// <summary>The host of a record: the facts that stand in it, and the behaviours of its kernel.</summary>
internal static partial class ObservedHost
{
    public static HostSnapshot Of(ObservationFile file)
    {
        bool isAmd = file.Name.StartsWith("amd", StringComparison.Ordinal);
        KernelRelease release = Release(file);
        CpuidTable supported = Table(file, SupportedLine());
        CpuidTable hyperv = Table(file, SystemHypervLine());
        HostSnapshot host = new()
        {
            Name = file.Name,
            SupportedCpuid = Hosts.Of(supported),
            HypervCpuid = Hosts.Of(hyperv.Count > 0 ? hyperv : FirstVcpuHyperv(file)),
            Capabilities = Hosts.Of(Capabilities(file)),
            FeatureMsrIndices = Hosts.Of(FeatureIndices(file)),
            FeatureMsrs = Hosts.Of(MsrTable.From(Matches(file, SystemMsrLine()).Select(match => new MsrValue((uint)Hex(match, 1), Hex(match, 2))))),
            SupportedXcr0 = Hosts.Of(new XFeatureMask(Hex(Matches(file, SupportedXcr0Line()).Single(), 1))),
            HostXcr0 = Hosts.Of(new XFeatureMask(Hex(Matches(file, HostXcr0Line()).Single(), 1))),
            KvmModule = Hosts.Of(isAmd ? "kvm_amd" : "kvm_intel"),
        };
        host = KvmBehaviours.Of(release).Known().Aggregate(host, (snapshot, known) => snapshot.With(known.Key, known.Value));
        return file.Name.Contains("-g1-", StringComparison.Ordinal) ? host.As("G1")
            : file.Name.Contains("-g2-", StringComparison.Ordinal) ? host.As("G2b")
            : host;
    }

    private static KernelRelease Release(ObservationFile file)
    {
        Match match = ReleaseLine().Match(file.Lines[0]);
        Assert.True(KernelRelease.TryParse(match.Groups[1].Value, file.Lines[0], out KernelRelease release), file.Lines[0]);
        return release;
    }

    private static CpuidTable Table(ObservationFile file, Regex pattern)
        => CpuidTable.From(Matches(file, pattern).Select(match => new CpuidEntry(
            new CpuidAddress((uint)Hex(match, 1), match.Groups[2].Success ? (uint)Hex(match, 2) : 0),
            match.Groups[3].Value == "1",
            new CpuidValues((uint)Hex(match, 4), (uint)Hex(match, 5), (uint)Hex(match, 6), (uint)Hex(match, 7)))));

    /// <summary>A kernel without the system-scoped ioctl told its Hyper-V table on a vCPU first.</summary>
    private static CpuidTable FirstVcpuHyperv(ObservationFile file)
    {
        IEnumerable<string> first = file.Lines
            .SkipWhile(line => !line.StartsWith("vcpu HV_CPUID", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => VcpuHypervLine().IsMatch(line));
        return CpuidTable.From(first.Select(line => VcpuHypervLine().Match(line)).Select(match => new CpuidEntry(
            new CpuidAddress((uint)Hex(match, 1), 0), false,
            new CpuidValues((uint)Hex(match, 2), (uint)Hex(match, 3), (uint)Hex(match, 4), (uint)Hex(match, 5)))));
    }

    private static ImmutableSortedDictionary<string, long> Capabilities(ObservationFile file)
    {
        ImmutableSortedDictionary<string, long>.Builder known = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (Match match in Matches(file, CapabilityLine()))
        {
            if (KvmCapability.NameOf(uint.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)) is { } name)
            {
                known[name] = long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
            }
        }

        return known.ToImmutable();
    }

    private static ImmutableArray<uint> FeatureIndices(ObservationFile file)
        => [.. Matches(file, FeatureListLine()).Single().Groups[1].Value.Split(' ').Select(word => uint.Parse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];

    private static IEnumerable<Match> Matches(ObservationFile file, Regex pattern)
        => file.Lines.Select(line => pattern.Match(line)).Where(match => match.Success);

    private static ulong Hex(Match match, int group)
        => ulong.Parse(match.Groups[group].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^PROBE kernel (\S+) ")]
    private static partial Regex ReleaseLine();

    [GeneratedRegex(@"^SUP cpuid ([0-9a-f]{8})\.([0-9a-f]+) flags=(\d): (\S{8}) (\S{8}) (\S{8}) (\S{8})$")]
    private static partial Regex SupportedLine();

    [GeneratedRegex(@"^  SYSHV ([0-9a-f]{8}):(?<2>x)?(?<3>x)? (?<4>\S{8}) (?<5>\S{8}) (?<6>\S{8}) (?<7>\S{8})$")]
    private static partial Regex SystemHypervLine();

    [GeneratedRegex(@"^  HV ([0-9a-f]{8}): (\S{8}) (\S{8}) (\S{8}) (\S{8})$")]
    private static partial Regex VcpuHypervLine();

    [GeneratedRegex(@"^sys CAP \S+\((\d+)\)=(\d+)$")]
    private static partial Regex CapabilityLine();

    [GeneratedRegex(@"^FEATURE_INDEX_LIST .*: (.*)$")]
    private static partial Regex FeatureListLine();

    [GeneratedRegex(@"^  SYS MSR ([0-9a-f]+)=([0-9a-f]{16})$")]
    private static partial Regex SystemMsrLine();

    [GeneratedRegex(@"^KVM supported xcr0=0x([0-9a-f]+)$")]
    private static partial Regex SupportedXcr0Line();

    [GeneratedRegex(@"^host XCR0=0x([0-9a-f]+)$")]
    private static partial Regex HostXcr0Line();
}
