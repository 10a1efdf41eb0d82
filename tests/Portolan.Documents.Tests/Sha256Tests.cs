using System.Security.Cryptography;
using CsCheck;

namespace Portolan.Documents.Tests;

public sealed class Sha256Tests
{
    [Fact]
    public void HexOf_is_what_the_runtime_computes_however_the_message_arrives()
        => Gen.Select(Gen.Byte.Array[0, 300], Gen.Int[1, 130]).Sample(static (message, step) =>
        {
            Sha256 hash = new();
            for (int at = 0; at < message.Length; at += step)
            {
                hash.Append(message.AsSpan(at, Math.Min(step, message.Length - at)));
            }

            string expected = Convert.ToHexStringLower(SHA256.HashData(message));
            Assert.Equal(expected, hash.FinishHex());
            Assert.Equal(expected, Sha256.HexOf(message));
        });

    [Fact]
    public void HexOf_a_stream_is_that_of_its_bytes()
    {
        byte[] message = RandomNumberGenerator.GetBytes(200_001);

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(message)), Sha256.HexOf(new MemoryStream(message)));
    }

    [Fact]
    public void HexOf_nothing_is_the_digest_that_the_standard_gives()
        => Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Sha256.HexOf([]));
}
