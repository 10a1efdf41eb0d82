using System.Text;
using System.Text.Json;
using CsCheck;
using Portolan.Documents.Json;

namespace Portolan.Documents.Tests.Json;

public sealed class JsonParserTests
{
    [Theory]
    [InlineData("", 0, "a JSON document", "an empty file")]
    [InlineData(" \n", 2, "a JSON document", "only white space")]
    [InlineData("{\"a\":1,}", 7, "a name in quotation marks", "'}'")]
    [InlineData("{\"a\" 1}", 5, "':' after a name", "'1'")]
    [InlineData("{\"a\":1 2}", 7, "',' or '}'", "'2'")]
    [InlineData("{\"a\":1,\"a\":2}", 7, "each name once", "\"a\" a second time")]
    [InlineData("{\"\\u0061\":1,\"a\":2}", 12, "each name once", "\"a\" a second time")]
    [InlineData("[1,]", 3, "a JSON value", "']'")]
    [InlineData("[1", 2, "',' or ']'", "the end of the file")]
    [InlineData("tru", 0, "a JSON value", "'t'")]
    [InlineData("01", 0, "a number", "\"01\"")]
    [InlineData("1.", 0, "a number", "\"1.\"")]
    [InlineData("-", 0, "a number", "\"-\"")]
    [InlineData("1e999", 0, "a number within the range of a double", "\"1e999\"")]
    [InlineData("{} {}", 3, "the end of the document", "'{'")]
    [InlineData("\"\\ud800\"", 1, "a surrogate pair", "a lone surrogate \\ud800")]
    [InlineData("\"\\x\"", 1, "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", "byte 0x78 after '\\'")]
    [InlineData("\"a\nb\"", 2, "no control character in a string", "byte 0x0a")]
    [InlineData("\"a", 2, "'\"' at a string's end", "the end of the file")]
    [InlineData("\"\\u12", 1, "four hexadecimal digits after \\u", "'1'")]
    public void Parse_says_where_and_what(string text, long offset, string expected, string found)
    {
        Reading<JsonValue> read = JsonParser.Parse("f", Encoding.UTF8.GetBytes(text));

        Assert.False(read.Ok);
        Assert.Equal((offset, expected, found), (read.Fault.ByteOffset!.Value, read.Fault.Expected, read.Fault.Found));
    }

    [Fact]
    public void Parse_counts_lines_and_skips_a_byte_order_mark()
    {
        Reading<JsonValue> read = JsonParser.Parse("f", Encoding.UTF8.GetBytes("\uFEFF{\n\n \"a\": x}"));

        Assert.Equal("f, line 3, byte 12: expected a JSON value, found 'x'; correct the document or write it again", read.Fault!.ToString());
    }

    [Fact]
    public void Parse_bounds_the_depth()
    {
        string deep = new string('[', JsonParser.DeepestNesting) + new string(']', JsonParser.DeepestNesting);

        Assert.True(JsonParser.Parse("f", Encoding.UTF8.GetBytes(deep)).Ok);
        Assert.Equal(JsonParser.DeepestNesting, JsonParser.Parse("f", Encoding.UTF8.GetBytes($"[{deep}]")).Fault!.ByteOffset);
        Assert.False(JsonParser.Parse("f", Encoding.UTF8.GetBytes(new string('[', 1_000_000))).Ok);
    }

    [Fact]
    public void Parse_reads_strings_as_the_framework_writes_them()
        => Gen.String.Where(static text => Encoding.UTF8.GetByteCount(text) >= 0 && !text.Any(char.IsSurrogate)).Sample(static text =>
        {
            byte[] json = Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(text)}\"");
            Assert.Equal(text, JsonParser.Parse("f", json).Value!.Text);
        });

    [Fact]
    public void Parse_answers_any_bytes_with_a_value_or_a_fault()
        => Gen.Byte.Array[0, 60].Sample(static bytes =>
        {
            Reading<JsonValue> read = JsonParser.Parse("f", bytes);
            Assert.True(read.Ok ? read.Value.End <= bytes.Length : read.Fault.ByteOffset <= bytes.Length && !read.Fault.ToString().Contains((char)10));
        });

    [Fact]
    public void Parse_takes_and_refuses_what_the_framework_does()
    {
        Gen<string> piece = Choice("{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"\\u0062\"", "\"twenty bytes of text\"", "1", "-0.5e3", "0x", "true", "nul", "null", " ", "\n                      ", "\v");
        Gen<string> written = Choice("{\"a\":", "{\"b\":[", "[{},", "[[],[", "{\"a\":{\"a\":", "[\n    1,\n    ");
        int taken = 0;
        Gen.Select(written.List[0, 3], piece.List[0, 6], piece.List[0, 2]).Sample((opened, inner, behind) =>
        {
            string ends = string.Concat(opened.AsEnumerable().Reverse().Select(static start => string.Concat(start.Reverse().Select(static one => one switch { '{' => "}", '[' => "]", _ => "" }))));
            string text = string.Concat(opened) + string.Concat(inner) + ends + string.Concat(behind);
            Reading<JsonValue> read = JsonParser.Parse("f", Encoding.UTF8.GetBytes(text));
            bool takes = Framework(text) is { } framework && Same(framework, read.Value);
            taken += takes ? 1 : 0;
            Assert.Equal((text, takes), (text, read.Ok));
        }, iter: 20_000);
        Assert.True(taken > 100);
    }

    private static Gen<string> Choice(params string[] pieces) => Gen.Int[0, pieces.Length - 1].Select(index => pieces[index]);

    /// <summary>The document as the framework reads it; null where it does not, or where a name stands twice.</summary>
    private static JsonElement? Framework(string text)
    {
        try
        {
            return JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false }).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool Same(JsonElement framework, JsonValue? value) => value is not null && (value.Kind, framework.ValueKind) switch
    {
        (JsonKind.Object, JsonValueKind.Object) => value.Members.Count == framework.EnumerateObject().Count()
            && value.Members.Zip(framework.EnumerateObject()).All(static pair => pair.First.Name == pair.Second.Name && Same(pair.Second.Value, pair.First.Value)),
        (JsonKind.Array, JsonValueKind.Array) => value.Items.Count == framework.GetArrayLength()
            && value.Items.Zip(framework.EnumerateArray()).All(static pair => Same(pair.Second, pair.First)),
        (JsonKind.String, JsonValueKind.String) => value.Text == framework.GetString(),
        (JsonKind.Number, JsonValueKind.Number) => value.Text == framework.GetRawText(),
        (JsonKind.Boolean, JsonValueKind.True) => value.IsTrue,
        (JsonKind.Boolean, JsonValueKind.False) => !value.IsTrue,
        (JsonKind.Null, JsonValueKind.Null) => true,
        _ => false,
    };
}
