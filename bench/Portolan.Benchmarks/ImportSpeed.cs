using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Xml;
using Portolan.Formats;

namespace Portolan.Benchmarks;

/// <summary>
/// Importing files against merely tokenising the same bytes in the same run: XmlReader over XML with its attributes, Utf8JsonReader over
/// JSON, lines and words with their hexadecimal numbers over text. The goal is half of the tokeniser's speed or more.
/// </summary>
/// <param name="root">The repository.</param>
public sealed class ImportSpeed(string root)
{
    private const int Rounds = 15;
    private const int LeastMilliseconds = 40;
    private const int WarmUp = 2000; // so that the compiler is done with it
    private const long WarmUpBytes = 64 << 20;
    private static readonly SearchValues<byte> Separators = SearchValues.Create(" \t:=-[]"u8);

    /// <summary>
    /// Measures every format, or one: over the recorded files beside the repository where there are any, else over those that were
    /// recorded for the tests and what <see cref="ImportInputs"/> makes, else over the tests' examples.
    /// </summary>
    /// <param name="only">The format's name; null for every format.</param>
    public IEnumerable<ImportFigure> Measure(string? only = null)
    {
        string tests = Path.Combine(root, "tests", "Portolan.Formats.Tests");
        byte[][][] sources =
        [
            [.. Files(Path.Combine(root, "..", "shared", "data")).Select(File.ReadAllBytes)],
            [.. Files(Path.Combine(tests, "Recorded")).Where(static file => !file.Contains("cpuinfo", StringComparison.Ordinal)).Select(File.ReadAllBytes), ImportInputs.Cpuinfo(File.ReadAllText(Path.Combine(tests, "Recorded", "proc-cpuinfo-two-cpus.txt"))), ImportInputs.Node()],
            [.. Files(Path.Combine(tests, "Seeds")).Select(File.ReadAllBytes)],
        ];
        foreach (ForeignFormat format in ForeignFormat.All.Where(format => only is null || format.Name == only))
        {
            if (sources.Select(source => source.Where(bytes => Accepts(format, bytes)).ToArray()).FirstOrDefault(static files => files.Length > 0) is { } files)
            {
                yield return Measure(format, files);
            }
        }
    }

    private static bool Accepts(ForeignFormat format, byte[] bytes)
        => ForeignFormat.Recognise(bytes) == format && FormatRecognition.Read(new ImportRequest("bench", bytes), format).Ok;

    private static IEnumerable<string> Files(string folder)
        => Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];

    private static ImportFigure Measure(ForeignFormat format, byte[][] files)
    {
        long bytes = files.Sum(static file => (long)file.Length);
        Action tokenise = () => Array.ForEach(files, static file => Tokenise(file));
        Action facts = () => Array.ForEach(files, file => format.Read(new ImportRequest("bench", file)));
        Action whole = () => Array.ForEach(files, file => FormatRecognition.Read(new ImportRequest("bench", file)));
        for (int i = 0; i < WarmUp; i++)
        {
            tokenise();
            whole();
            if (i * bytes > WarmUpBytes)
            {
                break;
            }
        }

        int repetitions = 1;
        while (Time(facts, repetitions) < LeastMilliseconds && repetitions < 4096)
        {
            repetitions *= 2;
        }

        (double Tokens, double Facts, double Whole)[] rounds = new (double, double, double)[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            rounds[round] = (Time(tokenise, repetitions) / repetitions, Time(facts, repetitions) / repetitions, Time(whole, repetitions) / repetitions);
        }

        return new ImportFigure(
            format.Name, files.Length, bytes, Median(rounds.Select(static one => one.Tokens)), Median(rounds.Select(static one => one.Facts)), Median(rounds.Select(static one => one.Whole)),
            Median(rounds.Select(static one => one.Tokens / one.Facts)), Median(rounds.Select(static one => one.Tokens / one.Whole)));
    }

    private static double Time(Action action, int repetitions)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repetitions; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static long Tokenise(byte[] file) => new ForeignContent(file).Notation switch
    {
        ForeignNotation.Xml => TokeniseXml(file),
        ForeignNotation.Json => TokeniseJson(file),
        _ => TokeniseText(file),
    };

    private static long TokeniseXml(byte[] file)
    {
        using XmlReader reader = XmlReader.Create(new MemoryStream(file), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        long tokens = 0;
        while (reader.Read())
        {
            tokens++;
            while (reader.MoveToNextAttribute())
            {
                tokens += reader.Value.Length;
            }
        }

        return tokens;
    }

    private static long TokeniseJson(byte[] file)
    {
        Utf8JsonReader reader = new(file, new JsonReaderOptions { AllowMultipleValues = true });
        long tokens = 0;
        while (reader.Read())
        {
            tokens++;
        }

        return tokens;
    }

    private static long TokeniseText(ReadOnlySpan<byte> rest)
    {
        long sum = 0;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            while (!line.IsEmpty)
            {
                int word = line.IndexOfAny(Separators);
                ReadOnlySpan<byte> text = word < 0 ? line : line[..word];
                line = word < 0 ? default : line[(word + 1)..];
                text = text.StartsWith("0x"u8) ? text[2..] : text;
                sum += System.Buffers.Text.Utf8Parser.TryParse(text, out uint number, out int read, 'x') && read == text.Length ? number : text.Length;
            }
        }

        return sum;
    }
}

/// <summary>One format's figures; medians over the rounds, in milliseconds for all its files once.</summary>
/// <param name="Format">The format.</param>
/// <param name="Files">How many files.</param>
/// <param name="Bytes">Their length together.</param>
/// <param name="Tokens">Merely tokenising them.</param>
/// <param name="Facts">The format's reader: from the bytes to the snapshot.</param>
/// <param name="Whole">The whole import: recognised, read, judged for what cannot be true, completed by what the release implies.</param>
/// <param name="Ratio">The reader's speed over the tokeniser's.</param>
/// <param name="WholeRatio">The whole import's speed over the tokeniser's.</param>
public sealed record ImportFigure(string Format, int Files, long Bytes, double Tokens, double Facts, double Whole, double Ratio, double WholeRatio)
{
    /// <summary>All formats' files together, each file once.</summary>
    public static ImportFigure Together(IReadOnlyCollection<ImportFigure> figures)
    {
        double tokens = figures.Sum(static one => one.Tokens);
        double facts = figures.Sum(static one => one.Facts);
        double whole = figures.Sum(static one => one.Whole);
        return new ImportFigure("all together", figures.Sum(static one => one.Files), figures.Sum(static one => one.Bytes), tokens, facts, whole, tokens / facts, tokens / whole);
    }

    /// <summary>One line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Format}, {Files} files, {Bytes / 1024} KiB: read {Bytes / 1000.0 / Facts:F0} MB/s, tokenised {Bytes / 1000.0 / Tokens:F0} MB/s, ratio {Ratio:F2}; whole import {Bytes / 1000.0 / Whole:F0} MB/s, ratio {WholeRatio:F2}");
}
