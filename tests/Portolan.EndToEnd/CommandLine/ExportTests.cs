using System.Text;
using System.Text.Json.Nodes;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

public sealed class ExportTests
{
    private const string Shipped = "shipped:intel-bochs-skylake-x-6.1.192";

    [Theory]
    [InlineData("qemu", "-machine pc-q35-10.0 -cpu ")]
    [InlineData("libvirt", "<cpu mode=\"custom\" match=\"exact\" check=\"full\">")]
    [InlineData("nova", "cpu_model_extra_flags = ")]
    [InlineData("kubevirt", "      model: \"Skylake-Server")]
    [InlineData("proxmox", "\treported-model Skylake-Server")]
    [InlineData("firecracker", "\"cpuid_modifiers\"")]
    [InlineData("json", "\"schema\": \"portolan/guest-contract/1\"")]
    public void Each_form_is_written_and_what_it_does_not_carry_is_said(string form, string part)
    {
        using TemporaryFolder folder = new();
        string guest = Define(folder);

        PortolanProcess.Run text = PortolanProcess.Start("guest", "export", guest, "--as", form, "--host", Shipped);
        PortolanProcess.Run json = PortolanProcess.Start("guest", "export", guest, "--as", form, "--host", Shipped, "--json", "-o", folder.At("form"));
        JsonNode document = Checked("guest-export", json.Output);

        Assert.Equal((0, 0), (text.ExitCode, json.ExitCode));
        Assert.Contains(part, text.Output, StringComparison.Ordinal);
        Assert.Equal(text.Output, File.ReadAllText(folder.At("form")));
        Assert.Equal(text.Output, document["text"]!.GetValue<string>());
        int uncarried = ((JsonArray)document["uncarried"]!).Count;
        Assert.Equal(uncarried == 0 ? 0 : uncarried + 1, text.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void What_export_writes_for_QEMU_define_reads()
    {
        using TemporaryFolder folder = new();
        string cpu = PortolanProcess.Start("guest", "export", Define(folder), "--as", "qemu", "--host", Shipped).Output.Split(" -cpu ")[1].TrimEnd('\n').Trim('\'');

        Assert.Equal(0, PortolanProcess.Start("guest", "define", "--cpu", cpu, "--host", Shipped, "--machine", "pc-q35-10.0", "-o", folder.At("back.json")).ExitCode);
        PortolanProcess.Run again = PortolanProcess.Start("guest", "export", folder.At("back.json"), "--as", "qemu", "--host", Shipped);

        Assert.Equal((0, ""), (again.ExitCode, again.Error));
    }

    [Fact]
    public void A_template_needs_a_host_and_labels_are_yaml_or_a_document()
    {
        using TemporaryFolder folder = new();

        Assert.Equal(64, PortolanProcess.Start("guest", "export", Define(folder), "--as", "firecracker").ExitCode);
        Assert.Equal(64, PortolanProcess.Start("guest", "export", Define(folder), "--as", "no-such-form").ExitCode);
        Assert.Contains("    cpu-feature.portolan.io/avx2: \"true\"\n", PortolanProcess.Start("host", "export", Shipped, "--as", "labels").Output, StringComparison.Ordinal);
        JsonNode labels = Checked("host-labels", PortolanProcess.Start("host", "export", Shipped, "--as", "labels", "--json").Output);
        Assert.Equal("true", labels["labels"]!["cpu-feature.portolan.io/avx2"]!.GetValue<string>());
    }

    private static JsonNode Checked(string kind, string document) => SchemaCheck.Kept(kind + "-1", Encoding.UTF8.GetBytes(document));

    private static string Define(TemporaryFolder folder)
    {
        string file = folder.At("g.json");
        Assert.Equal(0, PortolanProcess.Start("guest", "define", "--host", "shipped:intel-bochs-skylake-x-6.1.192", "-o", folder.At("plain.json")).ExitCode);
        JsonNode guest = JsonNode.Parse(File.ReadAllText(folder.At("plain.json")))!;
        guest["machineType"] = "pc-q35-10.0";
        File.WriteAllText(file, guest.ToJsonString());
        return file;
    }
}
