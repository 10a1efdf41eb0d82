using System.Text;
using System.Text.Json.Nodes;
using Portolan.Compatibility.Lint;
using Portolan.Documents.Lint;
using Portolan.Testing;

namespace Portolan.Documents.Tests.Lint;

public sealed class LintDocumentTests
{
    private const string Document = """
        {
          "schema": "portolan/vmm-saves/1", "name": "our VMM 3.2", "kernelIrqchip": true, "kernelPit": false,
          "ioctls": ["KVM_GET_REGS", "KVM_GET_XSAVE"], "oneRegs": ["GUEST_SSP"], "msrs": ["listed", "0x200..0x20f", "0x277"]
        }
        """;

    [Fact]
    public void A_lint_is_of_its_schema()
    {
        LintReport report = SaveSetLint.Judge(Portolan.Testing.Hosts.Spr("6.1.192"), null, KnownVmms.Find("firecracker-1.13")!.Saves);

        JsonNode document = Checked("save-set-lint", LintDocument.Write(report, "h", null).Span);

        Assert.Equal("incomplete", document["answer"]!.GetValue<string>());
        Assert.Equal(report.Findings.Length, ((JsonArray)document["findings"]!).Count);
        Assert.NotEmpty((JsonArray)document["unknown"]!);
    }

    [Fact]
    public void A_save_set_reads_from_JSON_and_from_lines_alike()
    {
        _ = Checked("vmm-saves", Encoding.UTF8.GetBytes(Document));
        SaveSet json = Read(Document).Value!;
        SaveSet lines = Read("# ours\nin-kernel\tkernel-irqchip\nioctl\tKVM_GET_REGS\nioctl\tKVM_GET_XSAVE\t-\none-reg\tGUEST_SSP\nmsr\tlisted,0x200..0x20f\nmsr\t0x277\tpat\n").Value!;

        Assert.Equal(("our VMM 3.2", true, false), (json.Name, json.KernelIrqchip, json.KernelPit));
        Assert.Equal((true, false), (lines.KernelIrqchip, lines.KernelPit));
        Assert.Equal(json.Items.Select(static saved => saved.Item.ToString()), lines.Items.Select(static saved => saved.Item.ToString()));
        Assert.Equal(["pat"], lines.Items[^1].When);
        Assert.True(lines.Items[3].Item.Covers(0x12345, isListed: true));
        Assert.False(lines.Items[3].Item.Covers(0x12345, isListed: false));
    }

    [Theory]
    [InlineData("msr\t0x20f..0x200\n", 1)]
    [InlineData("# x\nmsr 0x277\n", 2)]
    [InlineData("ioctl\tGET_REGS\n", 1)]
    [InlineData("msr\t0x277\tno-such-feature\n", 1)]
    [InlineData("msr\t0x0..0xffffffff\n", 1)]
    [InlineData("device\t1\n", 1)]
    public void A_line_that_is_wrong_is_named(string text, int line)
        => Assert.Equal(line, Read(text).Fault!.Line);

    [Theory]
    [InlineData("\"0x277\"", "\"MSR 277\"", "$.msrs[2]")]
    [InlineData("\"KVM_GET_XSAVE\"", "\"XSAVE\"", "$.ioctls[1]")]
    [InlineData("\"kernelPit\": false,", "", "$")]
    public void A_field_that_is_wrong_is_named(string from, string to, string path)
        => Assert.Equal(path, Read(Document.Replace(from, to, StringComparison.Ordinal)).Fault!.JsonPath);

    [Fact]
    public void An_empty_save_set_is_refused() => Assert.False(Read("# nothing\n").Ok);

    private static Reading<SaveSet> Read(string text) => SaveSetDocument.Read("saves", Encoding.UTF8.GetBytes(text));

    private static JsonNode Checked(string kind, ReadOnlySpan<byte> document) => SchemaCheck.Kept(kind + "-1", document);
}
