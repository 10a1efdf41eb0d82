using System.Globalization;
using Portolan.Testing;

namespace Portolan.X86.Tests;

/// <summary>Plain-text vectors: one a line, fields separated by blanks, <c>#</c> starts a comment line.</summary>
internal static class Vectors
{
    /// <summary>The vectors of a file beside the tests.</summary>
    public static IEnumerable<string[]> Read(string folder, string file)
        => File.ReadLines(Repository.At("tests", "Portolan.X86.Tests", folder, file))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>A hexadecimal number without 0x.</summary>
    public static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
