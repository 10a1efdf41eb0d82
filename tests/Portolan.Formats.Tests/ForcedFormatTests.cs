using System.Text;
using Portolan.Documents;

namespace Portolan.Formats.Tests;

/// <summary>A format that the user forces on a file which is not of it: one line with a place, in the words of its notation.</summary>
public sealed class ForcedFormatTests
{
    private static readonly string[] Xml = ["libvirt-cpudata", "libvirt-capabilities", "libvirt-domcapabilities"];

    [Fact]
    public void Every_format_refuses_another_text_with_its_place()
    {
        foreach (ForeignFormat format in ForeignFormat.All)
        {
            foreach (string text in (string[])["hello\nworld\n", "", "\0\u0001", "\u00e9t\u00e9", "<", "{", "<domain/>"])
            {
                InputFault fault = Refused(format, Encoding.UTF8.GetBytes(text));

                Assert.True(fault.Line is not null || fault.ByteOffset is not null || fault.JsonPath is not null, $"{format}: {fault}");
                Assert.NotEqual("", fault.Advice);
                Assert.DoesNotContain('\n', fault.ToString());
                Assert.DoesNotContain("Line ", fault.Found, StringComparison.Ordinal);
                Assert.True(text == "<" || !fault.ToString().Contains("root level", StringComparison.Ordinal), fault.ToString());
            }
        }
    }

    [Theory]
    [InlineData("hello", 1, 0, "'h'")]
    [InlineData("\n\n  hello", 3, 4, "'h'")]
    [InlineData("{\"props\":{}}", 1, 0, "'{'")]
    [InlineData("\u00e9", 1, 0, "'\u00e9'")]
    [InlineData("\u0001", 1, 0, "the byte 0x01")]
    [InlineData("", 1, 0, "an empty file")]
    [InlineData(" \n", 1, 0, "nothing but white space")]
    public void Every_format_that_is_XML_says_the_same_of_what_is_none(string text, int line, int offset, string found)
    {
        foreach (string name in Xml)
        {
            InputFault fault = Refused(ForeignFormat.Find(name)!, Encoding.UTF8.GetBytes(text));

            Assert.StartsWith("XML with libvirt's <", fault.Expected, StringComparison.Ordinal);
            Assert.Equal((line, offset, found), (fault.Line!.Value, (int)fault.ByteOffset!.Value, fault.Found));
        }
    }

    [Fact]
    public void Broken_XML_is_quoted_without_the_readers_own_place()
    {
        foreach (string name in Xml)
        {
            InputFault fault = Refused(ForeignFormat.Find(name)!, "<a>\n<b>\n</a>"u8.ToArray());

            Assert.True(fault.Expected == "well-formed XML without a document type" ? fault is { Line: 3, Found: ['"', .., '"'] } : fault.Expected.StartsWith("libvirt's <", StringComparison.Ordinal), fault.ToString());
        }
    }

    private static InputFault Refused(ForeignFormat format, byte[] bytes)
    {
        Reading<ImportedHost> read = format.Read(new("a.txt", bytes));
        Assert.False(read.Ok, $"{format} took {Encoding.UTF8.GetString(bytes)}");
        return read.Fault;
    }
}
