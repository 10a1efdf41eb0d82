using System.Globalization;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Model.Tests;

/// <summary>Plain-text vectors of this test project: lines of fields separated by tabs, after one line of names; # begins a comment.</summary>
internal static class Vectors
{
    public static IEnumerable<string[]> Read(params string[] path)
        => File.ReadLines(Repository.At(["tests", "Portolan.Kvm.Model.Tests", .. path]))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Skip(1)
            .Select(line => line.Split('\t'));

    public static TheoryData<string> Lines(params string[] path) => [.. Read(path).Select(fields => string.Join('\t', fields))];

    public static ulong Hex(string text)
    {
        Assert.StartsWith("0x", text, StringComparison.Ordinal);
        return ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
