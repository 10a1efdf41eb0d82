using Portolan.Compatibility.Lint;
using Portolan.Documents.Hosts;
using Portolan.Formats.Firecracker;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpus;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Tests.Lint;

public sealed class SaveSetLintTests
{
    private static readonly uint[] CetMsrs =
    [
        MsrIndex.Ia32UCet, MsrIndex.Ia32SCet, MsrIndex.Ia32Pl0Ssp, MsrIndex.Ia32Pl1Ssp, MsrIndex.Ia32Pl2Ssp, MsrIndex.Ia32Pl3Ssp,
        MsrIndex.Ia32InterruptSspTableAddr,
    ];

    private static SaveSet Everything { get; } = new("everything", true, true, [.. GuestStateTable.All.Select(static row => new SavedItem(row.Item, [], "a test"))]);

    public static TheoryData<string> ShippedHosts { get; } = [.. Directory.EnumerateFiles(Repository.At("data", "hosts"), "*.json").Select(static file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [InlineData("granite-rapids", "firecracker-1.13")]
    [InlineData("sapphire-rapids", "firecracker-1.13")]
    public void XSS_and_the_CET_state_of_6_18_are_missed_where_a_VMM_lacks_them(string cpu, string vmm)
    {
        LintReport report = Judge(Predicted(cpu, new KernelRelease(6, 18, 5)), vmm);

        Assert.True(report.IsIncomplete);
        Assert.Empty(CetMsrs.Append(MsrIndex.Ia32Xss).Except(Lost(report)));
        UnsavedState ssp = Assert.Single(report.Findings, static finding => finding.State.Kind == SaveItemKind.OneReg);
        Assert.Equal(("GUEST_SSP", ClauseSeverity.Corrupts), (ssp.State.Name, ssp.Severity));
        UnsavedState xss = report.Findings.Single(static finding => finding.State.Covers(MsrIndex.Ia32Xss, isListed: false));
        Assert.Equal(ClauseSeverity.Breaks, xss.Severity);
        Assert.Contains("cet-u", xss.Because, StringComparison.Ordinal);
        Assert.Contains("X39", xss.Row.Facts);
    }

    [Theory]
    [InlineData("granite-rapids")]
    [InlineData("sapphire-rapids")]
    public void Before_6_18_no_VMM_misses_them(string cpu)
    {
        HostSnapshot host = Predicted(cpu, new KernelRelease(6, 12, 10));

        Assert.All(KnownVmms.All, vmm =>
        {
            LintReport report = Judge(host, vmm.Id);
            Assert.Empty(Lost(report).Intersect([.. CetMsrs, MsrIndex.Ia32Xss]));
            Assert.DoesNotContain(report.Findings, static finding => finding.State.Kind == SaveItemKind.OneReg);
            Assert.DoesNotContain(report.Undecided, static state => CetMsrs.Any(msr => state.State.Covers(msr, isListed: false)));
        });
    }

    [Theory]
    [InlineData("qemu-7.2")]
    [InlineData("qemu-10.0")]
    public void QEMU_saves_XSS_and_misses_CET(string vmm)
    {
        LintReport report = Judge(Predicted("granite-rapids", new KernelRelease(6, 18, 5)), vmm);

        Assert.Empty(CetMsrs.Except(Lost(report)));
        Assert.DoesNotContain(MsrIndex.Ia32Xss, Lost(report));
    }

    [Fact]
    public void A_guest_without_CET_loses_none_of_it()
    {
        HostSnapshot host = Predicted("granite-rapids", new KernelRelease(6, 18, 5));
        GuestContract with = GuestDefinition.From(host, new GuestRequest()).Contract!;
        GuestContract without = GuestDefinition.From(host, new GuestRequest { Without = ["shstk", "ibt", "cet-u", "cet-s"] }).Contract!;
        SaveSet saves = KnownVmms.Find("firecracker-1.13")!.Saves;

        Assert.Empty(CetMsrs.Append(MsrIndex.Ia32Xss).Except(Lost(SaveSetLint.Judge(host, with, saves))));
        Assert.Empty(Lost(SaveSetLint.Judge(host, without, saves)).Intersect([.. CetMsrs, MsrIndex.Ia32Xss]));
    }

    [Theory]
    [InlineData("INTEL_GRANITE_RAPIDS_6.18")]
    [InlineData("INTEL_SAPPHIRE_RAPIDS_6.18")]
    [InlineData("AMD_MILAN_6.18")]
    public void Recorded_hosts_of_6_18_show_what_Firecracker_misses(string name)
    {
        string file = Path.Combine(Repository.SharedData("firecracker-fingerprints"), $"fingerprint_{name}host.json");
        HostSnapshot host = FingerprintImport.Read(new(file, File.ReadAllBytes(file))).Value!.Snapshot;

        LintReport before = Judge(host, "firecracker-1.13");
        LintReport after = Judge(host, "firecracker-1.16.1");

        Assert.Contains(MsrIndex.Ia32Xss, Lost(before));
        Assert.DoesNotContain(MsrIndex.Ia32Xss, Lost(after));
        Assert.Contains(MsrIndex.Ia32UCet, Lost(after));
        Assert.Contains(MsrIndex.MsrKvmAsyncPfAck, host.SavedMsrs!.Value);
    }

    [Theory]
    [MemberData(nameof(ShippedHosts))]
    public void Who_saves_every_row_misses_nothing_and_who_leaves_one_out_misses_that(string name)
    {
        HostSnapshot host = HostSnapshotDocument.Read(name, File.ReadAllBytes(Repository.At("data", "hosts", name))).Value!;
        LintReport whole = SaveSetLint.Judge(host, null, Everything);
        HashSet<string> nothing = [.. SaveSetLint.Judge(host, null, new SaveSet("nothing", true, true, [])).Findings.Select(static finding => finding.Row.Item.ToString())];

        Assert.Empty(whole.Findings);
        Assert.Empty(whole.Undecided);
        Assert.InRange(nothing.Count, 30, GuestStateTable.All.Count);
        foreach (GuestStateRow row in GuestStateTable.All)
        {
            SaveSet less = Everything with { Items = [.. Everything.Items.Where(saved => saved.Item != row.Item)] };
            bool isElsewhere = row.Also.Length > 0;
            string[] missed = [.. SaveSetLint.Judge(host, null, less).Findings.Select(static finding => finding.Row.Item.ToString()).Distinct()];
            Assert.Equal(nothing.Contains(row.Item.ToString()) && !isElsewhere ? [row.Item.ToString()] : [], missed);
        }
    }

    [Fact]
    public void A_snapshot_that_tells_nothing_leaves_the_lint_unknown()
    {
        SaveSet all = Everything with { Items = [.. Everything.Items.Where(static saved => saved.Item.Name != "KVM_GET_XSAVE2")] };

        LintReport report = SaveSetLint.Judge(new HostSnapshot(), null, all);

        Assert.False(report.IsIncomplete);
        Assert.True(report.IsUnknown);
        Assert.Contains(report.Undecided, static state => state.State.Name == "KVM_GET_XSAVE2" && state.Facts.Contains("supportedXcr0"));
    }

    [Fact]
    public void An_MSR_that_nobody_knows_is_unknown_unless_all_listed_ones_are_saved()
    {
        HostSnapshot known = Hosts.Skx("6.1.192");
        HostSnapshot host = known with { SavedMsrs = new(known.SavedMsrs!.Value.Add(0x1234567), new Evidence(EvidenceQuality.Measured, "a test")) };

        Assert.Contains(Judge(host, "qemu-10.0").Undecided, static state => state.State.Covers(0x1234567, isListed: false));
        Assert.DoesNotContain(Judge(host, "cloud-hypervisor-git-01b90534").Undecided, static state => state.State.Covers(0x1234567, isListed: false));
    }

    [Fact]
    public void A_measured_list_decides_and_a_dynamic_component_needs_XSAVE2()
    {
        HostSnapshot host = Hosts.Spr("6.1.192");
        SaveSet old = new("old", false, false, [.. Everything.Items.Where(static saved => saved.Item.Name != "KVM_GET_XSAVE2")]);

        Assert.Contains(SaveSetLint.Judge(host, null, old).Findings, static finding => finding.State.Name == "KVM_GET_XSAVE2" && finding.Severity == ClauseSeverity.Blocks);
        Assert.DoesNotContain(SaveSetLint.Judge(Hosts.Skx("6.1.192"), null, old).Findings, static finding => finding.State.Name == "KVM_GET_XSAVE2");
    }

    private static HostSnapshot Predicted(string cpu, KernelRelease kernel) => Predictor.ForCpu(CpuLineTable.Find(cpu)!, kernel);

    private static LintReport Judge(HostSnapshot host, string vmm)
    {
        KnownVmm known = KnownVmms.Find(vmm)!;
        return SaveSetLint.Judge(host, null, known.Saves, known.Without);
    }

    private static SortedSet<uint> Lost(LintReport report) => [.. report.Findings.SelectMany(static finding => finding.State.Each())];
}
