using System.Text;
using System.Text.Json;
using Portolan.Documents.Guests;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.Streams.Cpu;
using Portolan.Streams.Sections;
using Portolan.Testing;
using Portolan.X86.Xsave;
using Run = Portolan.EndToEnd.CommandLine.PortolanProcess.Run;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Migration streams that were recorded on real kernels with real QEMU, by the real program.</summary>
public sealed class StreamTests(StreamTests.Generated generated) : IClassFixture<StreamTests.Generated>, IDisposable
{
    private const string SavedOnG1 = "qemu72-saved-on-g1";
    private const string WithMpx = "qemu72-saved-on-g1-with-mpx";
    private const string Host = "shipped:amd-qemu-max-6.1.192";
    private static readonly string[] Generations = ["G1", "G2a", "G2b", "G3a", "G3b"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void XS_1_and_XS_2_are_told_of_the_recorded_stream()
    {
        Prepare(SavedOnG1);

        JsonElement onG2b = Check("guest.json", "G2b");
        JsonElement onG3a = Check("guest.json", "G3a");

        Assert.Equal(("incompatible", "xsave.set.promised", "0x207"), (Verdict(onG2b), Worst(onG2b).GetProperty("clause").GetString(), GuestValue(Worst(onG2b))));
        Assert.NotEqual("incompatible", Verdict(onG3a));
        Assert.NotEqual("unknown", Verdict(onG3a));
        Assert.Contains(Findings(onG3a), static finding => finding.GetProperty("clause").GetString() == "xsave.get.dropped");
    }

    [Fact]
    public void A_vmm_that_ignores_the_refusal_runs_on_with_what_was_loaded()
    {
        Prepare(SavedOnG1);

        JsonElement run = Check("guest.json", "G2b", "--vmm", "ignores");

        Assert.Contains(Findings(run), static finding => finding.GetProperty("clause").GetString() == "vmm.not-loaded");
    }

    [Theory]
    [InlineData(SavedOnG1)]
    [InlineData(WithMpx)]
    public void Rewritten_the_stream_loads_on_every_generation(string stream)
    {
        Prepare(stream);

        Run rewrite = Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--guest", "guest.json", "--sanitise-xstate-bv");

        Assert.Equal((0, ""), (rewrite.ExitCode, rewrite.Error));
        Assert.Contains("env.xstate_bv", rewrite.Output, StringComparison.Ordinal);
        foreach (string generation in Generations)
        {
            Assert.Contains(Verdict(Check("guest.json", generation, stream: "out.mig")), (string[])["compatible", "compatible-with-warnings"]);
        }

        byte[] before = RecordedStreams.Read(stream);
        byte[] after = File.ReadAllBytes(_folder.At("out.mig"));
        Assert.Equal(before.Length, after.Length);
        Assert.InRange(before.Zip(after).Count(static pair => pair.First != pair.Second), 1, 8);
    }

    [Fact]
    public void Mpx_is_refused_on_every_host_that_lacks_it_whatever_the_guest_was_promised()
    {
        Prepare(WithMpx);
        foreach (string generation in Generations)
        {
            Run run = Run("stream", "check", "in.mig", "--host", generation + ".json");

            Assert.Equal((1, ""), (run.ExitCode, run.Error));
            Assert.Contains("XSTATE_BV[4] bndcsr: guest 0x217", run.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_cloud_hypervisor_snapshot_carries_its_promise_and_is_told_as_the_stream_is()
    {
        Prepare(SavedOnG1);
        byte[] file = CloudHypervisorFile.Of(SavedVcpu());
        _folder.Write("state.json", file);

        JsonElement[] hosts = [.. Json(Run("stream", "check", "state.json", "--host", "G2b.json,G3a.json", "--json")).GetProperty("hosts").EnumerateArray()];
        JsonElement onG2b = hosts[0].GetProperty("answer");
        JsonElement onG3a = hosts[1].GetProperty("answer");

        Assert.Equal(("incompatible", "xsave.set.promised", "0x207"), (Verdict(onG2b), Worst(onG2b).GetProperty("clause").GetString(), GuestValue(Worst(onG2b))));
        Assert.Equal(Clauses(Check("guest.json", "G2b")), Clauses(onG2b));
        Assert.Equal(Clauses(Check("guest.json", "G3a")), Clauses(onG3a));
        Assert.Equal(JsonValueKind.Null, hosts[0].GetProperty("disagreement").ValueKind);
    }

    [Fact]
    public void A_cloud_hypervisor_snapshot_is_inspected_by_its_folder_and_is_no_stream()
    {
        Prepare(SavedOnG1);
        _folder.Write("state.json", CloudHypervisorFile.Of(SavedVcpu(), SavedVcpu() with { Id = 1 }));

        Run text = Run("stream", "inspect", ".");
        Run json = Run("stream", "inspect", "state.json", "--json");
        Run section = Run("stream", "inspect", "state.json", "--section", "cpu");
        Run rewrite = Run("stream", "rewrite", "state.json", "--to", "out", "--sanitise-xstate-bv", "--guest", "guest.json");

        Assert.Equal((0, ""), (text.ExitCode, text.Error));
        Assert.Contains("Cloud Hypervisor snapshot, 2 vCPUs", text.Output, StringComparison.Ordinal);
        Assert.Contains("0x207", text.Output, StringComparison.Ordinal);
        Valid(json, "guest-state");
        Assert.Equal([0, 1], Json(json).GetProperty("vcpus").EnumerateArray().Select(static vcpu => vcpu.GetProperty("id").GetInt32()));
        Assert.Equal((64, 65), (section.ExitCode, rewrite.ExitCode));
        Assert.Contains("no stream", rewrite.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_contract_nothing_is_compatible_and_the_answer_says_what_is_missing()
    {
        Prepare(SavedOnG1);

        Run run = Run("stream", "check", "in.mig", "--host", "G2b.json,G3a.json");

        Assert.Equal((3, ""), (run.ExitCode, run.Error));
        Assert.Contains("a stream carries no CPUID", run.Output, StringComparison.Ordinal);
        Assert.Contains("missing: the guest's CPUID", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_host_takes_without_listing_it_blocks_nothing_and_what_nobody_judges_is_named()
    {
        Prepare(SavedOnG1);
        Run Changed(string field) => Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--guest", "guest.json", "--sanitise-xstate-bv", "--force", "--set", "env.mp_state=3", "--set", field);
        Run OnG2b() => Run("stream", "check", "out.mig", "--guest", "guest.json", "--host", "G2b.json");

        Assert.Equal(0, Changed("env.mtrr_deftype=0xc06").ExitCode);
        Run taken = OnG2b();
        Assert.Equal((0, ""), (taken.ExitCode, taken.Error));
        Assert.DoesNotContain("MSR", taken.Output, StringComparison.Ordinal);
        Assert.Contains("not judged: MP state Halted", taken.Output, StringComparison.Ordinal);

        foreach (string field in (string[])["env.mtrr_deftype=0xc07", "env.mtrr_fixed[0]=0x0606060606060602", "env.mtrr_var[0].base=0xffff000000000006", "env.mce_banks[0]=2"])
        {
            Assert.Equal(0, Changed(field).ExitCode);
            Run refused = OnG2b();
            Assert.Equal((3, ""), (refused.ExitCode, refused.Error));
            Assert.Contains("though this host does not list it", refused.Output, StringComparison.Ordinal);
        }

        Assert.Equal(0, Run("stream", "rewrite", "out.mig", "--to", "out.mig", "--force", "--set", "env.mp_state=10").ExitCode);
        Run never = OnG2b();
        Assert.Equal(1, never.ExitCode);
        Assert.Contains("[mp-state.value]", never.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_inside_the_contract_is_removed_only_by_force_and_the_description_stays_true()
    {
        Prepare(SavedOnG1);

        Run refused = Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--set", "env.xstate_bv=0x6");
        Run kept = Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--drop", "cpu/tsc_khz");

        Assert.Equal((1, 1), (refused.ExitCode, kept.ExitCode));
        Assert.Contains("--force", refused.OneErrorLine, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.At("out.mig")));

        Run forced = Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--drop", "cpu/tsc_khz", "--force", "--json");
        Assert.Equal((0, ""), (forced.ExitCode, forced.Error));
        Valid(forced, "stream-rewrite");
        JsonElement vcpu = Json(Run("stream", "inspect", "out.mig", "--json")).GetProperty("vcpus")[0];
        Assert.Equal("description", vcpu.GetProperty("decodedBy").GetString());
        Assert.Equal(["cpu/msr_smi_count"], vcpu.GetProperty("subsections").EnumerateArray().Select(static name => name.GetString()!));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_compressed_save_image_is_rewritten_unpacked_by_what_its_own_xml_promises(uint compression)
    {
        byte[] stream = RecordedStreams.Read(WithMpx);
        byte[] head = SaveImageHead(PlainDomain, compression);
        _folder.Write("in.save", [.. head, .. Packed(stream, compression)]);

        Run rewrite = Run("stream", "rewrite", "in.save", "--to", "out.save", "--sanitise-xstate-bv");

        Assert.Equal((0, ""), (rewrite.ExitCode, rewrite.Error));
        Assert.Contains("the new one is not compressed", rewrite.Output, StringComparison.Ordinal);
        Assert.Equal(["in.save", "out.save"], _folder.Names);
        byte[] plain = [.. SaveImageHead(PlainDomain, 0), .. stream];
        byte[] written = File.ReadAllBytes(_folder.At("out.save"));
        Assert.Equal(plain.Length, written.Length);
        Assert.Equal([(byte)0x02, (byte)0x17], plain.Zip(written).Where(static pair => pair.First != pair.Second).Select(static pair => pair.First));
        JsonElement vcpu = Json(Run("stream", "inspect", "out.save", "--json")).GetProperty("vcpus")[0];
        Assert.Contains("0x3", vcpu.GetProperty("xstateBv").GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rewrite_takes_the_promise_of_a_domain_xml_and_refuses_what_contradicts_the_stream()
    {
        Prepare(WithMpx);
        _folder.Write("d.xml", PlainDomain);
        _folder.Write("other.xml", PlainDomain.Replace("pc-q35-7.2", "pc-q35-8.0", StringComparison.Ordinal));
        byte[] packed = Packed(RecordedStreams.Read(WithMpx), 1);
        _folder.Write("cut.gz", packed[..^5000]);

        Run rewrite = Run("stream", "rewrite", "in.mig", "--to", "out.mig", "--xml", "d.xml", "--sanitise-xstate-bv");
        Run other = Run("stream", "rewrite", "in.mig", "--to", "other.mig", "--xml", "other.xml", "--sanitise-xstate-bv");
        Run both = Run("stream", "rewrite", "in.mig", "--to", "other.mig", "--xml", "d.xml", "--guest", "guest.json", "--sanitise-xstate-bv");
        Run cut = Run("stream", "rewrite", "cut.gz", "--to", "other.mig", "--xml", "d.xml", "--sanitise-xstate-bv");

        Assert.Equal((0, ""), (rewrite.ExitCode, rewrite.Error));
        Assert.Contains("-> 0x0000000000000003", rewrite.Output, StringComparison.Ordinal);
        Assert.Equal((65, 64, 65), (other.ExitCode, both.ExitCode, cut.ExitCode));
        Assert.Contains("machine type pc-q35-8.0", other.OneErrorLine, StringComparison.Ordinal);
        Assert.Contains("the stream ends early", cut.OneErrorLine, StringComparison.Ordinal);
        Assert.DoesNotContain("other.mig", _folder.Names);
    }

    [Fact]
    public void A_difference_names_fields_and_components()
    {
        Prepare(SavedOnG1);
        _folder.Write("other.mig", RecordedStreams.Read("qemu72-g1-loaded-on-g3-resaved"));

        Run run = Run("stream", "diff", "in.mig", "other.mig", "--section", "cpu");
        Run same = Run("stream", "diff", "in.mig", "in.mig");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("only left: pkru", run.Output, StringComparison.Ordinal);
        Assert.Contains("nothing differs", same.Output, StringComparison.Ordinal);
        Valid(Run("stream", "diff", "in.mig", "other.mig", "--json"), "stream-difference");
    }

    [Fact]
    public void Every_recorded_stream_is_inspected_and_the_documents_keep_their_schemas()
    {
        foreach (string name in RecordedStreams.Names())
        {
            _folder.Write("in.mig", RecordedStreams.Read(name));
            Run run = Run("stream", "inspect", "in.mig", "--json", "--section", "cpu");

            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            Valid(run, "stream-inspection");
        }

        Prepare(SavedOnG1);
        Valid(Run("stream", "check", "in.mig", "--guest", "guest.json", "--host", "G2b.json", "--json"), "stream-check");
    }

    [Theory]
    [InlineData("G3a", "incompatible", 0, true)]
    [InlineData("G2b", "never", 1, true)]
    [InlineData("G2b", "incompatible", 1, false)]
    public void A_watch_passes_the_stream_unchanged_or_nothing_from_the_first_vcpu_on(string generation, string stopOn, int code, bool passes)
    {
        Prepare(SavedOnG1);
        byte[] bytes = RecordedStreams.Read(SavedOnG1);
        string[] watch = ["stream", "watch", "--guest", "guest.json", "--host", generation + ".json", "--stop-on", stopOn];

        Run run = PortolanProcess.Start(bytes, watch, _folder.Path);

        Assert.Equal(code, run.ExitCode);
        Assert.Contains(passes ? "passed on unchanged" : "the pipe is broken", run.Error, StringComparison.Ordinal);

        // The output is read as text here; what a text keeps of it is its length in marks, and the real QEMU reads the bytes elsewhere.
        string whole = System.Text.Encoding.UTF8.GetString(bytes);
        string head = System.Text.Encoding.UTF8.GetString(bytes.AsSpan(0, (int)FirstVcpu()));
        Assert.Equal(passes ? whole : head, run.Output);
    }

    [Fact]
    public void What_cannot_be_meant_is_refused_in_one_line()
    {
        Prepare(SavedOnG1);
        (string Expected, string[] Arguments)[] refused =
        [
            ("neither stream has a section of that name", ["stream", "diff", "in.mig", "in.mig", "--section", "nope"]),
            ("cannot come from standard input", ["stream", "rewrite", "-", "--to", "out.mig", "--clear", "env.tsc"]),
            ("give --guest or --xml", ["stream", "rewrite", "in.mig", "--to", "out.mig", "--sanitise-xstate-bv"]),
            ("has no subsection cpu/nope of its own", ["stream", "rewrite", "in.mig", "--to", "out.mig", "--drop", "cpu/nope"]),
            ("the stream has no vCPU 7", ["stream", "rewrite", "in.mig", "--to", "out.mig", "--clear", "env.tsc", "--vcpu", "7"]),
            ("expected FIELD=VALUE", ["stream", "rewrite", "in.mig", "--to", "out.mig", "--set", "env.tsc"]),
        ];
        foreach ((string expected, string[] arguments) in refused)
        {
            Run run = Run(arguments);
            Assert.Equal(64, run.ExitCode);
            Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(_folder.At("out.mig")));
    }

    [Fact]
    public void A_damaged_stream_is_one_line_with_its_byte()
    {
        byte[] bytes = RecordedStreams.Read(SavedOnG1);
        _folder.Write("short.mig", bytes[..300_000]);
        _folder.Write("none.mig", "not a stream at all"u8.ToArray());

        Run truncated = Run("stream", "inspect", "short.mig");
        Run none = Run("stream", "check", "none.mig", "--host", Host);

        Assert.Equal((65, 65), (truncated.ExitCode, none.ExitCode));
        Assert.Contains("byte 300000", truncated.OneErrorLine, StringComparison.Ordinal);
        Assert.Contains("ends early", truncated.OneErrorLine, StringComparison.Ordinal);
        Assert.Contains("pc-q35-7.2", truncated.Output, StringComparison.Ordinal);
        Assert.Contains("byte 0", none.OneErrorLine, StringComparison.Ordinal);
    }

    private const string PlainDomain =
        "<domain type='kvm'><name>d</name><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><cpu mode='custom' match='exact' check='none'><model>qemu64</model></cpu></domain>";

    private static byte[] SaveImageHead(string xml, uint compression)
    {
        byte[] text = [.. System.Text.Encoding.UTF8.GetBytes(xml), 0];
        byte[] header = new byte[92];
        "LibvirtQemudSave"u8.CopyTo(header);
        uint[] words = [2, (uint)text.Length, 1, compression, 0];
        for (int i = 0; i < words.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16 + (4 * i)), words[i]);
        }

        return [.. header, .. text];
    }

    private static byte[] Packed(byte[] bytes, uint compression)
    {
        using MemoryStream packed = new();
        using (Stream into = compression == 1
            ? new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true)
            : new ZstdSharp.CompressionStream(packed, leaveOpen: true))
        {
            into.Write(bytes);
        }

        return packed.ToArray();
    }

    private void Prepare(string stream)
    {
        _folder.Write("in.mig", RecordedStreams.Read(stream));
        foreach (string file in generated.Files)
        {
            File.Copy(file, _folder.At(Path.GetFileName(file)));
        }
    }

    private JsonElement Check(string guest, string generation, string option = "--vmm", string value = "reports", string stream = "in.mig")
        => Json(Run("stream", "check", stream, "--guest", guest, "--host", generation + ".json", "--json", option, value)).GetProperty("hosts")[0].GetProperty("answer");

    private long FirstVcpu()
        => Json(Run("stream", "inspect", "in.mig", "--json")).GetProperty("sections").EnumerateArray().First(static section => section.GetProperty("name").GetString() == "cpu").GetProperty("offset").GetInt64();

    /// <summary>The recorded vCPU with the CPUID of the guest of XS-1.</summary>
    private VcpuState SavedVcpu()
    {
        GuestContract guest = GuestContractDocument.Read("guest.json", File.ReadAllBytes(_folder.At("guest.json"))).Value!;
        Assert.True(XsaveLayout.TryFrom(guest.Cpuid, out XsaveLayout? layout, out _));
        GuestState state = StreamState.Of(MigrationStreamReader.Read(new MemoryStream(RecordedStreams.Read(SavedOnG1))).Stream, layout, out _)!;
        return state.Vcpus[0] with { Cpuid = guest.Cpuid };
    }

    private static string[] Clauses(JsonElement answer)
        => [.. Findings(answer).Select(static finding => finding.GetProperty("clause").GetString()!).Order(StringComparer.Ordinal)];

    private static string Verdict(JsonElement answer) => answer.GetProperty("verdict").GetString()!;

    private static JsonElement[] Findings(JsonElement answer) => [.. answer.GetProperty("findings").EnumerateArray()];

    private static JsonElement Worst(JsonElement answer) => Findings(answer)[0];

    private static string GuestValue(JsonElement finding) => finding.EnumerateObject().First(static member => member.Name.StartsWith("guest", StringComparison.Ordinal)).Value.ToString();

    private static JsonElement Json(Run run) => JsonDocument.Parse(run.Output).RootElement;

    private static void Valid(Run run, string kind) => SchemaCheck.Kept(kind + "-1", Encoding.UTF8.GetBytes(run.Output));

    private Run Run(params string[] arguments) => PortolanProcess.StartIn(_folder.Path, arguments);

    /// <summary>A host of each generation and the guest of XS-1, made once.</summary>
    public sealed class Generated : IDisposable
    {
        private readonly TemporaryFolder _made = new();

        public Generated()
        {
            foreach (string generation in Generations)
            {
                Assert.Equal(0, PortolanProcess.StartIn(_made.Path, "host", "predict", Host, "--xsave", generation, "--name", generation, "-o", generation + ".json").ExitCode);
            }

            Assert.Equal(0, PortolanProcess.StartIn(_made.Path, "guest", "define", "--host", Host, "--without", "pku", "-o", "guest.json").ExitCode);
        }

        public IEnumerable<string> Files => Directory.EnumerateFiles(_made.Path);

        public void Dispose() => _made.Dispose();
    }
}
