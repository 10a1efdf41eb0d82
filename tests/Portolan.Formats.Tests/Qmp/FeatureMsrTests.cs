using System.Globalization;
using System.Numerics;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Tests.Qmp;

/// <summary>What QEMU's properties tell of feature MSRs: these bits, and nothing of the others.</summary>
public sealed class FeatureMsrTests(ITestOutputHelper output)
{
    private const int Half = 32;
    private static readonly byte[] Seed = File.ReadAllBytes(Repository.At("tests", "Portolan.Formats.Tests", "Seeds", "qmp-kvm.json"));

    [Fact]
    public void A_control_tells_both_halves_of_its_MSR_and_no_other_bit()
    {
        HostSnapshot host = Accepted("seed", Seed);
        Assert.Equal(new PartlyKnownMsr(MsrIndex.Ia32ArchCapabilities, 0x1, 0x21), PartlyKnownMsr.Find(host, MsrIndex.Ia32ArchCapabilities));

        // vmx-secondary-ctls is not among the properties, so that vmx-pml: false may come of that and tells nothing.
        ulong both = VmxBits.SecondaryEnableEpt | VmxBits.SecondaryEnableVpid;
        Assert.Equal(new PartlyKnownMsr(MsrIndex.Ia32VmxProcbasedCtls2, both << Half, both | both << Half), PartlyKnownMsr.Find(host, MsrIndex.Ia32VmxProcbasedCtls2));
        Assert.Null(PartlyKnownMsr.Find(host, MsrIndex.Ia32VmxBasic));
        Assert.Null(host.FeatureMsrs);
    }

    [Theory]
    [InlineData("\"vmx-secondary-ctls\": true, \"vmx-pml\": false", MsrIndex.Ia32VmxProcbasedCtls2, 0UL, 0x20000_0002_0000UL)]
    [InlineData("\"vmx-cr3-load-noexit\": true", MsrIndex.Ia32VmxTrueProcbasedCtls, 0x8000_0000_0000UL, 0x8000_0000_8000UL)]
    [InlineData("\"vmx-cr3-load-noexit\": false", MsrIndex.Ia32VmxTrueProcbasedCtls, 0x8000_0000_8000UL, 0x8000_0000_8000UL)]
    [InlineData("\"vmx-true-ctls\": false", MsrIndex.Ia32VmxBasic, 0UL, 1UL << 55)]
    [InlineData("\"vmx-invept-single-context\": false", MsrIndex.Ia32VmxEptVpidCap, 0UL, 0UL)]
    [InlineData("\"vmx-invept-single-context\": true", MsrIndex.Ia32VmxEptVpidCap, 0x200_0200_0000UL, 0x200_0200_0000UL)]
    [InlineData("\"vmx-eptp-switching\": false", MsrIndex.Ia32VmxVmfunc, 0UL, 0UL)]
    [InlineData("\"vmx-vmfunc\": true, \"vmx-eptp-switching\": false", MsrIndex.Ia32VmxVmfunc, 0UL, 1UL)]
    [InlineData("\"rdseed\": false, \"vmx-secondary-ctls\": true, \"vmx-rdseed-exit\": false", MsrIndex.Ia32VmxProcbasedCtls2, 0UL, 0UL)]
    public void A_property_means_what_QEMU_computes_it_from(string properties, uint msr, ulong value, ulong known)
    {
        const string Ours = "\"vmx-ept\": true, \"vmx-vpid\": true, \"vmx-pml\": false";
        string text = Encoding.UTF8.GetString(Seed);
        HostSnapshot with = Accepted("seed", Encoding.UTF8.GetBytes(text.Replace(Ours, $"\"vmx-ept\": true, \"vmx-vpid\": true, {properties}", StringComparison.Ordinal)));
        HostSnapshot without = Accepted("seed", Encoding.UTF8.GetBytes(text.Replace(Ours, "\"vmx-ept\": true, \"vmx-vpid\": true", StringComparison.Ordinal)));
        ulong knownBefore = PartlyKnownMsr.Find(without, msr)?.Known ?? 0;
        PartlyKnownMsr told = PartlyKnownMsr.Find(with, msr) ?? new(msr, 0, 0);
        Assert.Equal((value, known), (told.Value & ~knownBefore, told.Known & ~knownBefore));
    }

    [Fact]
    public void Without_its_CPUID_bit_an_MSR_that_is_off_is_unknown()
    {
        string text = Encoding.UTF8.GetString(Seed).Replace("\"arch-capabilities\": true", "\"arch-capabilities\": false", StringComparison.Ordinal).Replace("\"vmx\": true", "\"vmx\": false", StringComparison.Ordinal);
        Assert.Null(Accepted("seed", Encoding.UTF8.GetBytes(text)).PartlyKnownFeatureMsrs);
    }

    /// <summary>Every capture whose QEMU knew the properties, counted; written and read again they are the same.</summary>
    [Fact]
    public void Real_replies_tell_the_bits_that_they_name()
    {
        SortedDictionary<string, string> counts = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(Repository.SharedData("libvirt-cputestdata"), "*.json").Order(StringComparer.Ordinal))
        {
            Reading<ImportedHost> read = FormatRecognition.Read(new ImportRequest(file, File.ReadAllBytes(file)));
            if (read.Ok && read.Value.Snapshot.PartlyKnownFeatureMsrs is { } partly)
            {
                counts.Add(Path.GetFileNameWithoutExtension(file), string.Create(CultureInfo.InvariantCulture, $"{partly.Value.Length} MSRs, {partly.Value.Sum(static msr => BitOperations.PopCount(msr.Known))} bits"));
                Reading<HostSnapshot> again = HostSnapshotDocument.Read("again", HostSnapshotDocument.Write(read.Value.Snapshot));
                Assert.True(again.Ok, again.ToString());
                Assert.Equal(partly.Value, again.Value.PartlyKnownFeatureMsrs!.Value);
            }
        }

        Assert.Equal(
            [
                "x86_64-cpuid-Atom-P5362: 10 MSRs, 143 bits",
                "x86_64-cpuid-EPYC-7502-32-Core: 1 MSRs, 9 bits",
                "x86_64-cpuid-Ice-Lake-Server: 1 MSRs, 6 bits",
                "x86_64-cpuid-Ryzen-9-3900X-12-Core: 1 MSRs, 9 bits",
            ],
            counts.Select(static row => $"{row.Key}: {row.Value}"));
    }

    /// <summary>What a Snow Ridge under KVM shows of the controls of QEMU's model of it: all but two that the file says are off.</summary>
    [Fact]
    public void A_real_CPU_agrees_with_the_known_model_of_it()
    {
        HostSnapshot host = Accepted("Atom", LibvirtCaptures.Bytes("x86_64-cpuid-Atom-P5362.json").ToArray());
        Assert.True(CpuModelTable.TryFind(CpuModelOrigin.Qemu, "Snowridge-v1", out CpuModel? model));
        ILookup<string, string> answers = model.Features
            .SelectMany(static feature => VmxControls.All.Where(control => control.Qemu == feature))
            .ToLookup(control => Answer(host, control), static control => control.Qemu!);

        output.WriteLine($"{answers["has"].Count()} controls of the model are there");
        Assert.Equal(68, answers["has"].Count());
        Assert.Equal(["vmx-exit-load-perf-global-ctrl", "vmx-entry-load-perf-global-ctrl"], answers["has not"].OrderDescending(StringComparer.Ordinal));

        // QEMU may set them by itself (data/formats/qemu-properties.tsv).
        Assert.Equal(["vmx-rdrand-exit", "vmx-rdseed-exit", "vmx-rdtscp-exit"], answers["unknown"].Order(StringComparer.Ordinal));
    }

    private static string Answer(HostSnapshot host, VmxControl control)
    {
        bool halves = VmxReadings.HasAllowedZero(control.Group);
        PartlyKnownMsr msr = PartlyKnownMsr.Of(host).Single(msr => VmxReadings.GroupOf(msr.Index) == control.Group);
        ulong may = halves ? control.Mask << Half : control.Mask;
        ulong must = halves ? control.Mask : 0;
        return (msr.Known & (may | must)) != (may | must) ? "unknown" : (msr.Value & may) == may && (msr.Value & must) == 0 ? "has" : "has not";
    }

    private static HostSnapshot Accepted(string name, byte[] bytes)
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new ImportRequest(name, bytes));
        Assert.True(read.Ok, read.ToString());
        return read.Value.Snapshot;
    }
}
