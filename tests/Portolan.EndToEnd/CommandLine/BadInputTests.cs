using System.Diagnostics;
using System.Text;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

public sealed class BadInputTests
{
    private const int BadInput = 65;
    private const int Usage = 64;

    private static string Example { get; } = Repository.At("tests", "Portolan.Documents.Tests", "Examples", "host-snapshot-1.json");

    private static string Text { get; } = File.ReadAllText(Example);

    [Theory]
    [InlineData("", "line 1, byte 0: expected a JSON document, found an empty file")]
    [InlineData("{\"schema\": \"portolan/guest-contract/1\"}", "$.schema: expected \"portolan/host-snapshot/1\", found \"portolan/guest-contract/1\"; give a host-snapshot here")]
    [InlineData("{\"schema\": \"portolan/host-snapshot/2\"}", "$.schema: expected major version 1, \"portolan/host-snapshot/1\", found \"portolan/host-snapshot/2\"")]
    [InlineData("{\"guest_cpu_config\": {}}", "expected the field \"schema\"")]
    [InlineData("[1]", "found an array")]
    [InlineData("{\"schema\": \"portolan/host-snapshot/1\", \"schema\": 1}", "byte 39: expected each name once, found \"schema\" a second time")]
    [InlineData("{\"schema\": \"portolan/host-snapshot/1\"", "expected ',' or '}', found the end of the file")]
    public void Host_show_refuses_what_is_no_snapshot(string text, string expected)
        => AssertRefused(Encoding.UTF8.GetBytes(text), expected);

    [Fact]
    public void Host_show_refuses_a_truncated_snapshot()
        => AssertRefused(Encoding.UTF8.GetBytes(Text)[..(Text.Length / 2)], "found the end of the file");

    [Fact]
    public void Host_show_refuses_a_snapshot_with_a_field_missing()
        => AssertRefused(Encoding.UTF8.GetBytes(Text.Replace("\"savedMsrs\"", "\"savedMsr\"", StringComparison.Ordinal)), "line 1, byte 0, $: expected the field \"savedMsrs\", found none");

    [Fact]
    public void Host_show_refuses_a_duplicate_leaf()
    {
        int at = Text.IndexOf("{ \"leaf\": \"0xd\"", StringComparison.Ordinal);
        string row = Text[at..(Text.IndexOf('}', at) + 1)];
        AssertRefused(Encoding.UTF8.GetBytes(Text.Replace(row, $"{row}, {row}", StringComparison.Ordinal)), "expected each leaf and subleaf once, found CPUID.(EAX=0DH,ECX=0) a second time");
    }

    [Fact]
    public void Host_show_refuses_what_is_not_UTF_8()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Text);
        bytes[100] = 0xff;
        AssertRefused(bytes, "byte 100: expected UTF-8 text, found byte 0xff");
    }

    [Fact]
    public void Host_show_refuses_what_is_oversized_without_reading_it()
    {
        using TemporaryFolder folder = new();
        string path = folder.At("big.json");
        using (FileStream big = File.Create(path))
        {
            big.SetLength(65L << 20);
        }

        PortolanProcess.Run run = PortolanProcess.Start("host", "show", path);

        Assert.Equal(BadInput, run.ExitCode);
        Assert.Contains("expected at most 64 MiB, found 68157440 bytes", run.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_show_refuses_a_directory_a_missing_file_a_device_and_a_FIFO_at_once()
    {
        using TemporaryFolder folder = new();
        Process.Start("mkfifo", folder.At("fifo")).WaitForExit();

        AssertRefusedPath(folder.Path, "expected a file, found a directory");
        AssertRefusedPath(folder.At("none"), "expected a file, found nothing of that name");
        AssertRefusedPath("/dev/zero", "found a FIFO, socket or device");
        AssertRefusedPath(folder.At("fifo"), "found a FIFO, socket or device");
    }

    [Fact]
    public void A_path_that_cannot_lead_to_a_file_is_refused_in_words()
    {
        using TemporaryFolder folder = new();
        File.CreateSymbolicLink(folder.At("loop"), folder.At("loop"));

        AssertRefusedPath(Path.Combine(folder.Write("file", Text), "guest.json"), "found a file where the path has a folder");
        AssertRefusedPath(folder.At("loop"), "found symbolic links that lead to each other");
        AssertRefusedPath(folder.At(new string('a', 300)), "found a name longer than the system allows");
    }

    [Fact]
    public void What_is_no_socket_of_a_QEMU_is_named_as_what_it_is()
    {
        using TemporaryFolder folder = new();
        foreach ((string path, string found) in (ReadOnlySpan<(string, string)>)[(folder.Path, "found a directory"), (folder.Write("file", Text), "found a file that is no socket"), (folder.At("none"), "found nothing of that name")])
        {
            PortolanProcess.Run run = PortolanProcess.Start("guest", "define", "--qmp", path);

            Assert.Equal(BadInput, run.ExitCode);
            Assert.Contains($"{path}: expected a unix socket of a running QEMU, {found}; ", run.OneErrorLine, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Host_show_refuses_a_file_without_permission()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("secret.json", Text);
        Process.Start("chmod", ["0", path]).WaitForExit();
        Assert.SkipWhen(CanRead(path), "this user may read everything (root)");

        AssertRefusedPath(path, "no permission (EACCES)");
    }

    [Fact]
    public void Output_into_a_missing_folder_onto_a_directory_or_a_device_is_refused_and_nothing_is_written()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.At("d"));
        foreach (string path in (string[])[folder.At("none/out.json"), folder.At("d"), "/dev/null"])
        {
            PortolanProcess.Run run = PortolanProcess.Start("host", "show", Example, "-o", path);

            Assert.Equal(BadInput, run.ExitCode);
            Assert.StartsWith($"portolan: {path}: expected ", run.OneErrorLine, StringComparison.Ordinal);
            Assert.Empty(run.Output);
        }

        Assert.Equal(["d"], folder.Names);
        Assert.True(File.Exists("/dev/null") && new FileInfo("/dev/null").Length == 0);
    }

    [Fact]
    public void A_refused_input_leaves_the_output_as_it_was()
    {
        using TemporaryFolder folder = new();
        string output = folder.Write("out.json", "old");

        PortolanProcess.Run run = PortolanProcess.Start("host", "show", folder.Write("bad.json", "{"), "-o", output);

        Assert.Equal(BadInput, run.ExitCode);
        Assert.Equal("old", File.ReadAllText(output));
        Assert.Equal(["bad.json", "out.json"], folder.Names);
    }

    [Theory]
    [InlineData("host shw x", "'shw' is no command or argument here; see 'portolan host --help'")]
    [InlineData("host show", "Required argument 'FILE' missing")]
    [InlineData("guest export g --as nosuch", "'nosuch' not recognized. Must be one of: 'firecracker', 'json', 'kubevirt'")]
    [InlineData("host show a b", "'b' is no command or argument here; see 'portolan host show --help'")]
    [InlineData("host show a --bogus", "'--bogus' is no command or argument here")]
    [InlineData("host", "Required command was not provided; see 'portolan host --help'")]
    [InlineData("guest define --host a --tsc-khz many", "many")]
    [InlineData("guest define --host a --permit foo", "'foo' is no dynamic state component; there is xtiledata")]
    [InlineData("host import a --format foo", "foo")]
    public void A_wrong_command_line_is_one_line_and_64(string arguments, string expected)
    {
        PortolanProcess.Run run = PortolanProcess.Start(arguments.Split(' '));

        Assert.Equal(Usage, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    private static void AssertRefused(byte[] input, string expected)
    {
        PortolanProcess.Run run = PortolanProcess.Start(input, ["host", "show", "-"]);

        Assert.Equal(BadInput, run.ExitCode);
        Assert.StartsWith("portolan: -", run.OneErrorLine, StringComparison.Ordinal);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    private static void AssertRefusedPath(string path, string expected)
    {
        PortolanProcess.Run run = PortolanProcess.Start("host", "show", path);

        Assert.Equal(BadInput, run.ExitCode);
        Assert.StartsWith($"portolan: {path}: ", run.OneErrorLine, StringComparison.Ordinal);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
    }

    private static bool CanRead(string path)
    {
        try
        {
            File.ReadAllText(path);
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
