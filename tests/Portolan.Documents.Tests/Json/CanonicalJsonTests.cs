using System.Text;
using CsCheck;
using Portolan.Documents.Json;

namespace Portolan.Documents.Tests.Json;

public sealed class CanonicalJsonTests
{
    // RFC 8785 appendix B: IEEE 754 bits and the text.
    [Theory]
    [InlineData(0x0000000000000000, "0")]
    [InlineData(0x8000000000000000, "0")]
    [InlineData(0x0000000000000001, "5e-324")]
    [InlineData(0x8000000000000001, "-5e-324")]
    [InlineData(0x7fefffffffffffff, "1.7976931348623157e+308")]
    [InlineData(0xffefffffffffffff, "-1.7976931348623157e+308")]
    [InlineData(0x4340000000000000, "9007199254740992")]
    [InlineData(0xc340000000000000, "-9007199254740992")]
    [InlineData(0x4430000000000000, "295147905179352830000")]
    [InlineData(0x44b52d02c7e14af5, "9.999999999999997e+22")]
    [InlineData(0x44b52d02c7e14af6, "1e+23")]
    [InlineData(0x44b52d02c7e14af7, "1.0000000000000001e+23")]
    [InlineData(0x444b1ae4d6e2ef4e, "999999999999999700000")]
    [InlineData(0x444b1ae4d6e2ef4f, "999999999999999900000")]
    [InlineData(0x444b1ae4d6e2ef50, "1e+21")]
    [InlineData(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7")]
    [InlineData(0x3eb0c6f7a0b5ed8d, "0.000001")]
    [InlineData(0x41b3de4355555553, "333333333.3333332")]
    [InlineData(0x41b3de4355555554, "333333333.33333325")]
    [InlineData(0x41b3de4355555555, "333333333.3333333")]
    [InlineData(0x41b3de4355555556, "333333333.3333334")]
    [InlineData(0x41b3de4355555557, "333333333.33333343")]
    [InlineData(0xbecbf647612f3696, "-0.0000033333333333333333")]
    [InlineData(0x43143ff3c1cb0959, "1424953923781206.2")]
    public void Number_writes_what_RFC_8785_writes(ulong bits, string expected)
        => Assert.Equal(expected, CanonicalJson.Number(BitConverter.UInt64BitsToDouble(bits)));

    [Fact]
    public void Number_reads_back_as_the_same_double()
        => Gen.Double.Where(double.IsFinite).Sample(number => double.Parse(CanonicalJson.Number(number), System.Globalization.CultureInfo.InvariantCulture) == number);

    // RFC 8785 section 3.2.3: names sort by UTF-16 code units.
    [Fact]
    public void Write_sorts_names_by_UTF_16_code_units()
    {
        const string Input = """{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew", "1": "One", "\ud83d\ude00": "Emoji", "\u0080": "Control", "\u00f6": "o"}""";

        string[] order = ["\\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"];
        string canonical = Canonical(Input);
        Assert.Equal(order.Order(Comparer<string>.Create((a, b) => canonical.IndexOf($"\"{a}\":", StringComparison.Ordinal).CompareTo(canonical.IndexOf($"\"{b}\":", StringComparison.Ordinal)))), order);
    }

    [Theory]
    [InlineData("""{ "b": [ 1.0, 1E2, null, true ], "a": {} }""", """{"a":{},"b":[1,100,null,true]}""")]
    [InlineData("""["\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"]""", "[\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"]")]
    public void Write_has_one_spelling(string input, string expected) => Assert.Equal(expected, Canonical(input));

    [Fact]
    public void Hash_is_SHA_256_of_the_canonical_bytes()
        => Assert.Equal("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", CanonicalJson.Hash(Parse(" { } ")));

    private static string Canonical(string text) => Encoding.UTF8.GetString(CanonicalJson.Write(Parse(text)).Span);

    private static JsonValue Parse(string text)
    {
        Reading<JsonValue> read = JsonParser.Parse("-", Encoding.UTF8.GetBytes(text));
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }
}
