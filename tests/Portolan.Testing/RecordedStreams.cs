using System.Collections.Concurrent;
using System.Diagnostics;
using Portolan.Streams.Sections;

namespace Portolan.Testing;

/// <summary>The recorded QEMU migration streams under <c>../shared/data/qemu-streams</c>, unpacked with the xz program.</summary>
public static class RecordedStreams
{
    private const string Folder = "qemu-streams";
    private const string Packed = ".mig.xz";

    private static readonly ConcurrentDictionary<string, byte[]> Unpacked = new(StringComparer.Ordinal);

    /// <summary>The streams' names, as <c>qemu72-saved-on-g1</c>; skips the test where they are not there.</summary>
    public static IReadOnlyList<string> Names()
        => [.. Directory.EnumerateFiles(Repository.SharedData(Folder), "*" + Packed).Select(static file => Path.GetFileName(file)[..^Packed.Length]).Order(StringComparer.Ordinal)];

    /// <summary>The bytes of one.</summary>
    public static byte[] Read(string name) => Unpacked.GetOrAdd(name, Unpack);

    /// <summary>One without most of its pages: still a whole stream, and cheap to mutate.</summary>
    public static byte[] WithFewPages(string name)
    {
        byte[] stream = Read(name);
        MigrationStream whole = MigrationStreamReader.Read(new MemoryStream(stream)).Stream;
        using MemoryStream made = new();
        long copied = 0;
        foreach (StreamSection part in whole.Sections.Where(static section => section is { Name: "ram", Kind: not SectionKind.Start }))
        {
            made.Write(stream, (int)copied, (int)(part.ContentOffset - copied));
            made.Write([0, 0, 0, 0, 0, 0, 0, 0x10]);
            copied = part.ContentOffset + part.ContentLength;
        }

        made.Write(stream, (int)copied, (int)(stream.Length - copied));
        return made.ToArray();
    }

    /// <summary>The path of what QEMU's own reader says of its vCPU, or null where nobody asked it.</summary>
    public static string? CpuJson(string name)
    {
        string path = Path.Combine(Repository.SharedData(Folder), name + ".cpu.json");
        return File.Exists(path) ? path : null;
    }

    private static byte[] Unpack(string name)
    {
        string path = Path.Combine(Repository.SharedData(Folder), name + Packed);
        try
        {
            using Process xz = Process.Start(new ProcessStartInfo("xz", ["-dc", path]) { RedirectStandardOutput = true })!;
            using MemoryStream bytes = new();
            xz.StandardOutput.BaseStream.CopyTo(bytes);
            xz.WaitForExit();
            return xz.ExitCode == 0 ? bytes.ToArray() : throw new InvalidDataException($"xz could not unpack {path}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("the program xz, which unpacks the recorded streams, is not installed");
            throw;
        }
    }
}
