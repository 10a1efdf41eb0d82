using System.Globalization;
using Portolan.Documents;
using Portolan.Testing;

namespace Portolan.Formats.Tests;

/// <summary>Every file of libvirt's recorded hosts is read, or refused for what it is.</summary>
public sealed class EveryLibvirtFileTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_file_imports_or_is_refused_with_a_true_reason()
    {
        SortedDictionary<string, (int Read, int Refused)> counts = new(StringComparer.Ordinal);
        foreach (string file in Directory.GetFiles(Repository.SharedData(LibvirtCaptures.Folder)).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(file);
            Reading<ImportedHost> read = FormatRecognition.Read(new ImportRequest(name, File.ReadAllBytes(file)));
            string kind = name.Contains("-baseline-", StringComparison.Ordinal) ? "baseline .xml" : Path.GetExtension(name);
            (int accepted, int refused) = counts.GetValueOrDefault(kind);
            counts[kind] = read.Ok ? (accepted + 1, refused) : (accepted, refused + 1);
            switch (kind)
            {
                case "baseline .xml":
                    Assert.Contains("libvirt's <cpu>", read.ToString(), StringComparison.Ordinal);
                    break;
                case ".sig":
                    Assert.False(read.Ok);
                    Assert.Contains("signature", read.ToString(), StringComparison.Ordinal);
                    break;
                default:
                    Assert.True(read.Ok, read.ToString());
                    break;
            }
        }

        foreach ((string kind, (int accepted, int refused)) in counts)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind}: {accepted} read, {refused} refused for what they are"));
        }

        Assert.Equal([".json (27, 0)", ".sig (0, 34)", ".xml (34, 0)", "baseline .xml (0, 7)"], counts.Select(static one => $"{one.Key} {one.Value}"));
    }
}
