using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Portolan.Streams.Sections;

namespace Portolan.Benchmarks;

/// <summary>How fast a stream is walked, against reading the same file from the page cache.</summary>
/// <param name="Bytes">The stream's length.</param>
/// <param name="WalkSeconds">The median of walking it.</param>
/// <param name="ReadSeconds">The median of reading it, in turn with it.</param>
/// <param name="AllocatedBytes">What one walk allocates.</param>
/// <param name="WatchSeconds">The median of the whole program passing it on, judged; null where it was not compiled ahead of time.</param>
/// <param name="CatSeconds">The median of cat passing it on.</param>
public sealed record StreamWalkFigure(long Bytes, double WalkSeconds, double ReadSeconds, long AllocatedBytes, double? WatchSeconds, double? CatSeconds)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        string watch = WatchSeconds is { } watched && CatSeconds is { } cat
            ? string.Create(CultureInfo.InvariantCulture, $"; stream watch {watched:F2} s, cat {cat:F2} s, ratio {watched / cat:F2}")
            : "; stream watch not measured: out/native/portolan is not there";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Bytes / (double)(1 << 30):F1} GiB walked in {WalkSeconds:F2} s, read in {ReadSeconds:F2} s, ratio {ReadSeconds / WalkSeconds:F2}; {AllocatedBytes / 1048576.0:F1} MiB allocated{watch}");
    }
}

/// <summary>Makes a large stream and walks it.</summary>
public static class StreamWalk
{
    private const int Rounds = 5;
    private const int PageSize = 4096;
    private const string Host = "shipped:amd-qemu-max-6.1.192";

    /// <summary>Measures on a stream of so many bytes of pages; every eighth page is zero.</summary>
    public static StreamWalkFigure Measure(string root, long bytes)
    {
        string file = Path.Combine(Path.GetTempPath(), $"portolan-bench-{Environment.ProcessId}.mig");
        try
        {
            Make(file, bytes);
            _ = Read(file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            double first = Walk(file);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            List<double> walks = [first];
            List<double> reads = [Read(file)];
            for (int i = 1; i < Rounds; i++)
            {
                walks.Add(Walk(file));
                reads.Add(Read(file));
            }

            string program = Path.Combine(root, "out", "native", "portolan");
            bool native = File.Exists(program);
            double? watch = native ? Median([.. Enumerable.Range(0, Rounds).Select(_ => Pipe(file, $"'{program}' stream watch --host {Host}"))]) : null;
            double? cat = native ? Median([.. Enumerable.Range(0, Rounds).Select(_ => Pipe(file, "cat"))]) : null;
            return new StreamWalkFigure(new FileInfo(file).Length, Median(walks), Median(reads), allocated, watch, cat);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static double Walk(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        long start = Stopwatch.GetTimestamp();
        StreamReading reading = MigrationStreamReader.Read(stream);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return reading.Ok ? seconds : throw new InvalidDataException($"{reading.Fault}");
    }

    private static double Read(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] buffer = new byte[1 << 19];
        long start = Stopwatch.GetTimestamp();
        while (stream.Read(buffer) > 0)
        {
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Pipe(string file, string command)
    {
        long start = Stopwatch.GetTimestamp();
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"cat '{file}' | {command} 2> /dev/null | cat > /dev/null"]))!;
        shell.WaitForExit();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Make(string file, long bytes)
    {
        const string Block = "pc.ram";
        ulong length = (ulong)bytes / PageSize * PageSize;
        using FileStream output = new(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        output.Write("QEVM"u8);
        U32(output, 3);
        output.WriteByte(7);
        Text(output, "pc-q35-9.0", withLength32: true);
        Head(output, 1, 1);
        Text(output, "ram");
        U32(output, 0);
        U32(output, 4);
        U64(output, length | 0x04);
        Text(output, Block);
        U64(output, length);
        End(output);
        Head(output, 2, 1);
        byte[] page = new byte[PageSize];
        new Random(1).NextBytes(page);
        for (ulong at = 0; at < length; at += PageSize)
        {
            bool zero = at / PageSize % 8 == 7;
            U64(output, at | (at == 0 ? 0u : 0x20u) | (zero ? 0x02u : 0x08u));
            if (at == 0)
            {
                Text(output, Block);
            }

            output.Write(zero ? page.AsSpan(0, 1) : page);
        }

        End(output);
        Head(output, 3, 1);
        End(output);
        output.WriteByte(0);
    }

    private static void Head(FileStream output, byte kind, uint id)
    {
        output.WriteByte(kind);
        U32(output, id);
    }

    private static void End(FileStream output)
    {
        U64(output, 0x10);
        output.WriteByte(0x7e);
        U32(output, 1);
    }

    private static void Text(FileStream output, string text, bool withLength32 = false)
    {
        if (withLength32)
        {
            U32(output, (uint)text.Length);
        }
        else
        {
            output.WriteByte((byte)text.Length);
        }

        output.Write(Encoding.ASCII.GetBytes(text));
    }

    private static void U32(FileStream output, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        output.Write(bytes);
    }

    private static void U64(FileStream output, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        output.Write(bytes);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
