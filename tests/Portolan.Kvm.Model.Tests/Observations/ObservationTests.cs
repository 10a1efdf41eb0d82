using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Observations;

/// <summary>Every line that a real kernel answered is asked of the model of that kernel.</summary>
public sealed class ObservationTests
{
    /// <summary>Name, lines in all, lines of the kernel's log among them.</summary>
    public static TheoryData<string, int, int> Files { get; } = new()
    {
        { "amd-5.10.218.txt", 160, 0 },
        { "amd-6.1.192-g1-reverted-fix.txt", 183, 0 },
        { "amd-6.1.192-g2-reverted-fix.txt", 183, 0 },
        { "amd-6.1.192-rebuilt-stock.txt", 183, 0 },
        { "amd-6.1.192.txt", 182, 0 },
        { "amd-6.12.117.txt", 182, 0 },
        { "intel-5.10.218.txt", 303, 7 },
        { "intel-6.1.192.txt", 326, 7 },
        { "intel-6.12.117.txt", 322, 4 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void The_model_answers_every_line_as_the_kernel_did(string name, int lines, int logLines)
    {
        ObservationFile file = ObservationFile.Read(Path.Combine(Repository.SharedData("kernel-observations"), name));
        Assert.Equal((lines, lines), (file.RawLines, file.Lines.Count + file.LogLines));
        Assert.Equal(logLines, file.LogLines);
        HostSnapshot host = ObservedHost.Of(file);
        Replay replay = new(host);
        List<string> wrong = [];
        for (int i = 0; i < file.Lines.Count; i++)
        {
            string line = file.Lines[i];
            string? answer = replay.Answer(line);
            if (answer is null ? !Unmodelled().Any(row => row.Pattern.IsMatch(line)) : answer.TrimEnd() != line.TrimEnd())
            {
                wrong.Add($"line {i + 1}\n  kernel: {line}\n  model:  {answer ?? "(knows no such line)"}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(20)) + $"\n{wrong.Count} lines differ");
    }

    /// <summary>The comparison can fail: a model of another generation or another kernel does not answer as the record says.</summary>
    [Theory]
    [InlineData("amd-6.1.192-g1-reverted-fix.txt", "G3b")]
    [InlineData("amd-6.1.192-g2-reverted-fix.txt", "G1")]
    [InlineData("amd-6.1.192.txt", "G2b")]
    [InlineData("intel-6.1.192.txt", "E-d")]
    [InlineData("intel-5.10.218.txt", "E-e")]
    public void A_model_of_another_generation_disagrees(string name, string generation)
    {
        ObservationFile file = ObservationFile.Read(Path.Combine(Repository.SharedData("kernel-observations"), name));
        Replay replay = new(ObservedHost.Of(file).As(generation));

        Assert.Contains(file.Lines, line => replay.Answer(line) is { } answer && answer.TrimEnd() != line.TrimEnd());
    }

    [Fact]
    public void Every_file_of_the_folder_is_tested()
        => Assert.Equal(
            Directory.GetFiles(Repository.SharedData("kernel-observations")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal),
            Files.Select(row => row.Data.Item1).Order(StringComparer.Ordinal));

    [Fact]
    public void Unmodelled_lines_are_as_many_as_the_table_says()
    {
        string[] all = [.. Directory.GetFiles(Repository.SharedData("kernel-observations")).SelectMany(path => ObservationFile.Read(path).Lines)];

        Assert.All(Unmodelled(), row => Assert.Equal((row.Pattern.ToString(), row.Count), (row.Pattern.ToString(), all.Count(line => row.Pattern.IsMatch(line)))));
        Assert.All(Unmodelled(), row => Assert.NotEmpty(row.Reason));
    }

    private static IEnumerable<(Regex Pattern, string Reason, int Count)> Unmodelled()
        => Vectors.Read("Observations", "unmodelled.tsv").Select(fields => (new Regex(fields[0]), fields[1], int.Parse(fields[2], CultureInfo.InvariantCulture)));
}
