using System.Text;
using CsCheck;
using Portolan.Documents.Json;

namespace Portolan.Documents.Tests.Json;

public sealed class NameKeyTests
{
    [Fact]
    public void Two_names_that_a_key_holds_whole_share_it_only_where_they_are_the_same()
    {
        Gen<byte[]> name = Gen.Char["ab-"].Array[0, NameKey.Whole].Select(static letters => Encoding.UTF8.GetBytes(letters));
        int same = 0;
        Gen.Select(name, name).Sample((one, other) =>
        {
            bool equal = one.AsSpan().SequenceEqual(other);
            same += equal ? 1 : 0;
            Assert.Equal(equal, NameKey.Of(one) == NameKey.Of(other));
        }, iter: 50_000);
        Assert.True(same > 0);
    }

    [Fact]
    public void A_name_with_one_letter_changed_has_another_key_wherever_the_letter_stands()
    {
        for (int length = 1; length <= NameKey.Whole; length++)
        {
            byte[] name = Encoding.UTF8.GetBytes("abcdefghijklmnop"[..length]);
            for (int at = 0; at < length; at++)
            {
                byte[] other = [.. name];
                other[at] = (byte)'-';
                Assert.NotEqual(NameKey.Of(name), NameKey.Of(other));
            }
        }
    }
}
