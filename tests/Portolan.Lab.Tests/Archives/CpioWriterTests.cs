using System.Text;
using CsCheck;
using Portolan.Lab.Archives;

namespace Portolan.Lab.Tests.Archives;

public sealed class CpioWriterTests
{
    [Fact]
    public void The_cpio_program_reads_what_is_written()
    {
        Assert.SkipUnless(ChildProcess.Find("cpio") is not null, "cpio is not on this machine");
        Gen<(string, byte[])[]> files = Gen.Select(Gen.String[Gen.Char["abcxyz-._0"], 1, 30], Gen.Byte.Array[0, 5000]).Array[0, 8];
        files.Sample(
            static given =>
            {
                using TemporaryFolder folder = new();
                Dictionary<string, byte[]> expected = given.Select(static (file, i) => ($"f{i}{file.Item1}", file.Item2)).ToDictionary(StringComparer.Ordinal);
                using (FileStream output = File.Create(folder.At("archive")))
                {
                    CpioWriter writer = new(output);
                    writer.Folder("d");
                    foreach ((string name, byte[] content) in expected)
                    {
                        writer.File("d/" + name, content);
                    }

                    writer.Finish();
                }

                Assert.Equal(0, Shell(folder.Path, "cpio -i --quiet <archive"));
                Assert.Equal(
                    expected.OrderBy(static file => file.Key, StringComparer.Ordinal).Select(static file => (file.Key, Convert.ToHexString(file.Value))),
                    Directory.EnumerateFiles(folder.At("d")).Order(StringComparer.Ordinal).Select(static file => (Path.GetFileName(file), Convert.ToHexString(File.ReadAllBytes(file)))));
            },
            iter: 20,
            threads: 1);
    }

    [Fact]
    public void Modes_and_links_are_kept()
    {
        Assert.SkipUnless(ChildProcess.Find("cpio") is not null, "cpio is not on this machine");
        using TemporaryFolder folder = new();
        using (FileStream output = File.Create(folder.At("archive")))
        {
            CpioWriter writer = new(output);
            writer.Folder("bin");
            writer.File("bin/run", "#!/bin/sh\n"u8, isProgram: true);
            writer.File("plain", "x"u8);
            writer.Link("link", "bin/run");
            writer.Finish();
        }

        Assert.Equal(0, Shell(folder.Path, "cpio -i --quiet <archive"));
        Assert.True(folder.ModeOf("bin", "run").HasFlag(UnixFileMode.UserExecute));
        Assert.False(folder.ModeOf("plain").HasFlag(UnixFileMode.UserExecute));
        Assert.Equal("bin/run", new FileInfo(folder.At("link")).LinkTarget);
    }

    [Fact]
    public void Each_entry_begins_at_a_multiple_of_four()
    {
        using MemoryStream output = new();
        CpioWriter writer = new(output);
        writer.File("abc", "12345"u8);
        writer.Finish();

        string text = Encoding.ASCII.GetString(output.ToArray());
        Assert.Equal(0, output.Length % 4);
        Assert.StartsWith("07070100000001000081A4", text, StringComparison.Ordinal);
        Assert.Equal(0, text.IndexOf("070701", 6, StringComparison.Ordinal) % 4);
        Assert.Contains("TRAILER!!!", text, StringComparison.Ordinal);
    }

    private static int? Shell(string folder, string line)
        => ChildProcess.Run(folder, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken, "sh", "-c", line).ExitCode;
}
