using System.Diagnostics;
using System.Globalization;
using Portolan.X86.Xsave;

namespace Portolan.Benchmarks;

/// <summary>
/// Copy-and-trim of an XSAVE image against memcpy of the same bytes, in one run: each round times both over the same buffers, and
/// the figures are the medians over the rounds. The goal is a ratio of 0.5 or more: trimming costs at most another memcpy.
/// </summary>
public static class XsaveTrimBenchmark
{
    private const int Rounds = 201;
    private const int Repetitions = 2000;

    /// <summary>The images measured: name, the components present, the components that may stay.</summary>
    private static readonly (string Name, ulong Present, ulong Keep)[] Images =
    [
        ("AVX, PKRU dropped", 0x207, 0x7),
        ("AVX-512, PKRU dropped", 0x2e7, 0xe7),
        ("AVX-512 dropped", 0x2e7, 0x207),
        ("AMX, PKRU dropped", 0x602e7, 0x600e7),
        ("AMX dropped", 0x602e7, 0x2e7),
    ];

    /// <summary>Measures every image.</summary>
    public static IReadOnlyList<XsaveTrimFigure> Measure()
    {
        XsaveLayout layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x602e7))
            ?? throw new InvalidOperationException("the table lacks a component of Intel's layout");

        // Once unmeasured: the first image would pay for the compiler.
        foreach ((string name, ulong present, ulong keep) in Images)
        {
            _ = Measure(name, layout, new(present), new(keep));
        }

        return [.. Images.Select(image => Measure(image.Name, layout, new(image.Present), new(image.Keep)))];
    }

    private static XsaveTrimFigure Measure(string name, XsaveLayout layout, XFeatureMask present, XFeatureMask keep)
    {
        byte[] source = new byte[layout.TotalSize(present)];
        byte[] destination = new byte[source.Length];
        new Random(1).NextBytes(source);
        if (!XsaveImage.TryOpen(source, out XsaveImage image, out XsaveFault? fault))
        {
            throw new InvalidOperationException(fault.ToString());
        }

        image.SetXstateBv(present);
        double[] trim = new double[Rounds];
        double[] copy = new double[Rounds];
        double[] ratio = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            copy[round] = Time(() => source.AsSpan().CopyTo(destination));
            trim[round] = Time(() => XsaveTrim.TryCopy(source, destination, layout, keep, out _, out _));
            ratio[round] = copy[round] / trim[round];
        }

        return new(name, source.Length, Median(copy), Median(trim), Median(ratio));
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Repetitions; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Repetitions;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}

/// <summary>One image's figures; medians over the rounds.</summary>
/// <param name="Name">The image.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="CopyNanoseconds">One memcpy of it.</param>
/// <param name="TrimNanoseconds">One copy-and-trim of it.</param>
/// <param name="Ratio">memcpy's time over copy-and-trim's.</param>
public sealed record XsaveTrimFigure(string Name, int Bytes, double CopyNanoseconds, double TrimNanoseconds, double Ratio)
{
    /// <summary>One line.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"XSAVE trim, {Name}, {Bytes} bytes: {TrimNanoseconds:F0} ns, memcpy {CopyNanoseconds:F0} ns, ratio {Ratio:F2}");
}
