using System.Diagnostics;
using System.Text;
using Portolan.Documents;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.Qmp;

public sealed class QmpImportTests
{
    private static readonly byte[] Seed = File.ReadAllBytes(Repository.At("tests", "Portolan.Formats.Tests", "Seeds", "qmp-kvm.json"));

    [Fact]
    public void Properties_are_bits_and_everything_else_is_unknown()
    {
        ImportedHost host = Accepted(Seed);
        HostSnapshot snapshot = host.Snapshot;
        Assert.Equal(EvidenceQuality.Recorded, snapshot.SupportedCpuid!.Evidence.Quality);
        Assert.True(snapshot.SupportedCpuidIsPartial);
        Assert.Equal("qemu 10.0.2", snapshot.Vmm!.Value);
        Assert.Equal(["pc", "pc-i440fx-10.0", "pc-q35-10.0", "q35"], snapshot.MachineTypes!.Value);
        Assert.Equal(true, Shown(snapshot, "avx"));
        Assert.Equal(true, Shown(snapshot, "pni"));
        Assert.Equal(true, Shown(snapshot, "sse4.1"));
        Assert.Equal(false, Shown(snapshot, "avx512f"));
        Assert.Equal(true, Shown(snapshot, "arat"));
        Assert.Null(Shown(snapshot, "avx2"));
        Assert.Equal(0x50654u, snapshot.SupportedCpuid.Value.GetOrZero(1).Eax);
        Assert.Equal(22u, snapshot.SupportedCpuid.Value.GetOrZero(0).Eax);
        Assert.Contains(host.Remarks, static remark => remark.Contains("seed-property", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("hypervisor")]
    [InlineData("topoext")]
    [InlineData("invtsc")]
    [InlineData("rtm")]
    [InlineData("hle")]
    public void What_QEMU_adds_or_takes_away_by_itself_is_unknown(string feature)
        => Assert.Null(Shown(Accepted(Seed).Snapshot, feature));

    [Fact]
    public void What_a_named_model_lacks_is_not_there_and_a_contradiction_is_told()
    {
        string text = Encoding.UTF8.GetString(Seed).Replace("\"avx512f\": false", "\"avx512f\": true", StringComparison.Ordinal);
        ImportedHost host = Accepted(Encoding.UTF8.GetBytes(text));
        Assert.Equal(true, Shown(host.Snapshot, "avx512f"));
        Assert.Contains(host.Remarks, static remark => remark.StartsWith("avx512f is told both ways", StringComparison.Ordinal));
        string without = text.Replace("\"avx512f\": true, ", "", StringComparison.Ordinal);
        Assert.Equal(false, Shown(Accepted(Encoding.UTF8.GetBytes(without)).Snapshot, "avx512f"));
    }

    [Theory]
    [InlineData("\"enabled\": true", "\"enabled\": false", "query-kvm that says enabled: false")]
    [InlineData("Seed CPU @ 2.40GHz", "QEMU TCG CPU version 2.5+", "QEMU's own emulation")]
    [InlineData("\"unavailable-features\": []", "\"unavailable-features\": [\"kvm\"]", "for want of kvm")]
    [InlineData("\"unavailable-features\": []", "\"unavailable\\u002dfeatures\": [\"k\\u0076m\"]", "for want of kvm")]
    [InlineData("\"unavailable-features\": []", "\"unavailable-features\": [1]", "an array of names")]
    [InlineData("\"name\": \"base\"", "\"name\": \"Skylake-Server\"", "only the expansion of 'Skylake-Server'")]
    [InlineData("\"props\"", "\"prop\"", "an object of properties")]
    public void No_KVM_host_is_refused_with_the_reason(string what, string with, string reason)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Seed).Replace(what, with, StringComparison.Ordinal));
        Reading<ImportedHost> read = ForeignFormat.Qmp.Read(new ImportRequest("replies.json", bytes));
        Assert.False(read.Ok);
        Assert.Contains(reason, read.ToString().Replace('"', '\''), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcg", false)]
    [InlineData("kvm", true)]
    public void A_real_QEMU_is_read_or_refused_as_its_accelerator_demands(string accelerator, bool accepted)
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new ImportRequest("live", Ask(accelerator)));
        Assert.True(read.Ok == accepted, read.ToString());
        Assert.True(accepted || read.Fault!.Found.Contains("enabled: false", StringComparison.Ordinal));
        if (accepted)
        {
            Assert.StartsWith("qemu ", read.Value!.Snapshot.Vmm!.Value, StringComparison.Ordinal);
            Assert.DoesNotContain(read.Value.Remarks, static remark => remark.Contains("told both ways", StringComparison.Ordinal));
            Assert.Equal(true, Shown(read.Value.Snapshot, "lm"));
        }
    }

    private static byte[] Ask(string accelerator)
    {
        const string Program = "/usr/bin/qemu-system-x86_64";
        Assert.SkipUnless(File.Exists(Program), $"{Program} is not installed");
        Assert.SkipUnless(accelerator != "kvm" || File.Exists("/dev/kvm"), "/dev/kvm is not there");
        ProcessStartInfo start = new(Program, ["-M", "none", "-accel", accelerator, "-display", "none", "-nodefaults", "-qmp", "stdio"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        foreach (string command in (string[])["qmp_capabilities", "query-version", "query-kvm", "query-machines", "query-cpu-definitions"])
        {
            process.StandardInput.WriteLine($"{{\"execute\":\"{command}\"}}");
        }

        foreach (string type in (string[])["static", "full"])
        {
            process.StandardInput.WriteLine($"{{\"execute\":\"query-cpu-model-expansion\",\"arguments\":{{\"type\":\"{type}\",\"model\":{{\"name\":\"max\"}}}}}}");
        }

        process.StandardInput.WriteLine("{\"execute\":\"quit\"}");
        process.StandardInput.Flush();
        string answers = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(20)), "QEMU did not quit");
        return Encoding.UTF8.GetBytes(answers);
    }

    private static ImportedHost Accepted(byte[] bytes)
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new ImportRequest("replies.json", bytes));
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }

    private static bool? Shown(HostSnapshot host, string name)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        uint unknown = host.UnknownCpuidBits?.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)[feature.Register] ?? 0;
        return host.SupportedCpuid!.Value.Contains(feature.Address) && (unknown & feature.RegisterMask) == 0 ? host.SupportedCpuid.Value.Has(feature) : null;
    }
}
