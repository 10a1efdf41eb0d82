using System.Globalization;
using System.Text;
using System.Text.Json;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

public sealed class HostImportTests
{
    private static readonly string[] Good =
        ["cpuid-raw.txt", "instlatx64.txt", "libvirt-cpudata.xml", "proc-cpuinfo.txt", "qmp-kvm.json", "virsh-capabilities.xml", "virsh-domcapabilities.xml", "kubevirt-node.json"];

    private static string Seed(string name) => Repository.At("tests", "Portolan.Formats.Tests", "Seeds", name);

    [Fact]
    public void A_thousand_mixed_files_become_a_thousand_snapshots_but_for_the_bad_ones()
    {
        using TemporaryFolder folder = new();
        List<string> files = [];
        for (int i = 0; i < 1000; i++)
        {
            string seed = Good[i % Good.Length];
            string name = string.Create(CultureInfo.InvariantCulture, $"host-{i:0000}{Path.GetExtension(seed)}");
            files.Add(i % 100 == 99 ? folder.Write(name, "nothing that anybody knows") : folder.Write(name, File.ReadAllBytes(Seed(seed))));
        }

        PortolanProcess.Run run = PortolanProcess.Start(["host", "import", .. files, "--output-directory", folder.At("out"), "--json"]);

        Assert.Equal(65, run.ExitCode);
        JsonElement[] rows = [.. JsonDocument.Parse(run.Output).RootElement.EnumerateArray()];
        Assert.Equal(files, rows.Select(static row => row.GetProperty("file").GetString()!));
        Assert.Equal(10, rows.Count(static row => row.GetProperty("fault").ValueKind == JsonValueKind.String));
        Assert.Equal(990, Directory.GetFiles(folder.At("out"), "*.json").Length);
        Assert.All(rows, static row => Assert.Equal(row.GetProperty("fault").ValueKind == JsonValueKind.Null, row.GetProperty("contentHash").ValueKind == JsonValueKind.String));
        Assert.Equal(Good.Length, rows.Select(static row => row.GetProperty("format").GetString()).OfType<string>().Distinct().Count());
        Assert.DoesNotContain('\u001b', run.Error);
        SchemaCheck.Kept("host-import-list-1", Encoding.UTF8.GetBytes(run.Output));
    }

    [Fact]
    public void A_bad_file_does_not_stop_the_others_and_the_table_says_which()
    {
        using TemporaryFolder folder = new();

        PortolanProcess.Run run = PortolanProcess.Start(
            "host", "import", Seed("cpuid-raw.txt"), folder.Write("bad.xml", "<cpudata>"), Seed("instlatx64.txt"), "--output-directory", folder.At("out"));

        Assert.Equal(65, run.ExitCode);
        Assert.Equal(["cpuid-raw.json", "instlatx64.json"], Directory.GetFiles(folder.At("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("2 imported, 1 refused", run.Output, StringComparison.Ordinal);
        Assert.Contains("bad.xml, line 1: expected well-formed XML", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, PortolanProcess.Start("host", "show", folder.At("out/instlatx64.json")).ExitCode);
    }

    [Fact]
    public void Names_that_collide_are_refused_before_anything_is_written()
    {
        using TemporaryFolder folder = new();
        string other = folder.Write("cpuid-raw.xml", File.ReadAllBytes(Seed("libvirt-cpudata.xml")));

        PortolanProcess.Run run = PortolanProcess.Start("host", "import", Seed("cpuid-raw.txt"), other, "--output-directory", folder.At("out"));

        Assert.Equal(65, run.ExitCode);
        Assert.Contains("cpuid-raw.json for", run.OneErrorLine, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.At("out")));
    }

    [Fact]
    public void A_FIFO_where_a_snapshot_would_go_stays_one()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.At("out"));
        using (System.Diagnostics.Process made = System.Diagnostics.Process.Start("mkfifo", folder.At("out/cpuid-raw.json")))
        {
            made.WaitForExit();
        }

        PortolanProcess.Run run = PortolanProcess.Start("host", "import", Seed("cpuid-raw.txt"), "--output-directory", folder.At("out"));

        Assert.Equal(65, run.ExitCode);
        Assert.Contains("expected a file to write, found a FIFO", run.OneErrorLine, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(folder.At("out/cpuid-raw.json")).Length);
    }

    [Fact]
    public void Files_of_one_host_are_merged_and_a_kernel_tells_what_KVM_would_show()
    {
        using TemporaryFolder folder = new();
        byte[] text = File.ReadAllBytes(Seed("instlatx64.txt"));

        PortolanProcess.Run run = PortolanProcess.Start(
            text, ["host", "import", Seed("cpuid-raw.txt"), "-", "--merge", "--kernel", "6.12.5", "--vmm", "qemu 10.0.2", "--module-parameter", "kvm_amd.nested=0", "--name", "lab", "-o", folder.At("lab.json")]);

        Assert.Equal(0, run.ExitCode);
        string document = File.ReadAllText(folder.At("lab.json"), Encoding.UTF8);
        Assert.Contains("\"name\": \"lab\"", document, StringComparison.Ordinal);
        Assert.Contains("\"how\": \"predicted for 6.12.5\"", document, StringComparison.Ordinal);
        Assert.Contains("\"value\": \"0xa0011d1\"", document, StringComparison.Ordinal);
        Assert.Contains("\"kvm_amd.nested\": \"0\"", document, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_nodes_becomes_a_snapshot_for_each_or_the_one_that_is_named()
    {
        using TemporaryFolder folder = new();
        string node = File.ReadAllText(Seed("kubevirt-node.json"));
        string nodes = folder.Write("nodes.json", $"{{\"kind\":\"List\",\"items\":[{node},{node.Replace("node-1", "node-2", StringComparison.Ordinal)}]}}");

        PortolanProcess.Run all = PortolanProcess.Start("host", "import", nodes, Seed("cpuid-raw.txt"), "--output-directory", folder.At("out"));
        PortolanProcess.Run one = PortolanProcess.Start("host", "import", nodes, "--node", "node-2", "-o", folder.At("two.json"));
        PortolanProcess.Run none = PortolanProcess.Start("host", "import", nodes, "-o", folder.At("none.json"));

        Assert.Equal(0, all.ExitCode);
        Assert.Equal(["cpuid-raw.json", "nodes-node-1.json", "nodes-node-2.json"], Directory.GetFiles(folder.At("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("nodes.json: node-2", all.Output, StringComparison.Ordinal);
        Assert.Equal(0, one.ExitCode);
        Assert.Equal(65, none.ExitCode);
        Assert.Contains("\"node-1\", \"node-2\"", none.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_parameter_is_kept_as_the_module_shows_it_and_one_that_nobody_knows_is_named()
    {
        using TemporaryFolder folder = new();
        PortolanProcess.Run run = PortolanProcess.Start(
            "host", "import", Seed("cpuid-raw.txt"), "-o", folder.At("h.json"), "--module-parameter", "kvm_intel.nested=off", "--module-parameter", "kvm_intel.nestd=maybe");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("--module-parameter kvm_intel.nestd: no parameter of that name is known", run.Error, StringComparison.Ordinal);
        string document = File.ReadAllText(folder.At("h.json"), Encoding.UTF8);
        Assert.Contains("\"kvm_intel.nested\": \"N\"", document, StringComparison.Ordinal);
        Assert.Contains("\"kvm_intel.nestd\": \"maybe\"", document, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("several files need --output-directory", "a", "b")]
    [InlineData("either -o or --output-directory", "a", "--output-directory", "d", "-o", "f")]
    [InlineData("'-' stands twice", "-", "-", "--merge")]
    [InlineData("expected a release with KVM, 2.6.20 or later", "a", "--kernel", "latest")]
    [InlineData("expected a release with KVM, 2.6.20 or later", "a", "--kernel", "0.0.0")]
    [InlineData("cannot both be", "a", "--module-parameter", "kvm_amd.nested=0", "--module-parameter", "kvm_amd.nested=1")]
    [InlineData("expected a revision of 32 bits", "a", "--microcode", "0x1ffffffff")]
    [InlineData("expected a revision of 32 bits", "a", "--microcode", "")]
    [InlineData("expected the name of a directory", "a", "--output-directory", "")]
    [InlineData("'--bogus' is no option here", "a", "--bogus")]
    [InlineData("expected module.parameter=value", "a", "--module-parameter", "nested")]
    [InlineData("expected module.parameter=value", "a", "--module-parameter", "kvm_intel.=1")]
    [InlineData("--module-parameter kvm_intel.nested=maybe: kvm_intel.nested takes Y or N (1, 0, on and off too)", "a", "--module-parameter", "kvm_intel.nested=maybe")]
    [InlineData("kvm_intel.nested takes Y or N", "a", "--module-parameter", "kvm_intel.nested=")]
    [InlineData("kvm_amd.nested takes a number of 32 bits with a sign", "a", "--module-parameter", "kvm_amd.nested=Y")]
    [InlineData("cannot both be", "a", "--module-parameter", "kvm_intel.nested=on", "--module-parameter", "kvm_intel.nested=0")]
    public void A_command_line_that_cannot_be_meant_is_usage(string expected, params string[] arguments)
    {
        PortolanProcess.Run run = PortolanProcess.Start(["host", "import", .. arguments]);

        Assert.Equal(64, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
    }
}
