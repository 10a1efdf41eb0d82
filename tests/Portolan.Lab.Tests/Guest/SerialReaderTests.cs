using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Portolan.Lab.Guest;

namespace Portolan.Lab.Tests.Guest;

public sealed class SerialReaderTests
{
    private static GuestCommand Host { get; } = GuestCommand.Program("host", "host", "dump") with { Files = ["extra.bin"] };

    [Fact]
    public void Append_files_come_back_as_they_were_however_the_bytes_arrive()
        => Gen.Select(Gen.Byte.Array[0, 3000], Gen.Byte.Array[0, 300], Gen.Int[1, 200]).Sample(static (output, extra, step) =>
        {
            byte[] line = Reply(output, extra);
            SerialReader reader = new();
            for (int at = 0; at < line.Length; at += step)
            {
                reader.Append(line.AsSpan(at, Math.Min(step, line.Length - at)));
            }

            GuestReply reply = reader.ReplyOf(Host);
            Assert.Equal(output, reply.Output.Content);
            Assert.Equal(extra, reply.Files["extra.bin"].Content);
            Assert.Equal((3, true, "host", null), (reply.ExitCode, reader.IsDone, reader.Stage, reader.Failure));
        });

    [Fact]
    public void Append_a_line_with_damage_gives_the_right_bytes_or_says_that_they_are_damaged()
        => Gen.Select(Gen.Byte.Array[1, 2000], Gen.Int[0, 1 << 20], Gen.Int[1, 255], Gen.Int[0, 60]).Sample(static (output, where, change, lost) =>
        {
            byte[] line = Reply(output, []);
            int at = where % line.Length;
            line[at] ^= (byte)change;
            byte[] damaged = [.. line[..at], .. line[Math.Min(at + lost, line.Length)..]];
            SerialReader reader = new();
            reader.Append(damaged);

            ReturnedFile file = reader.ReplyOf(Host).Output;
            Assert.True(file.Damage is not null || file.Content!.AsSpan().SequenceEqual(output));
            Assert.True((file.Damage is null) == (file.Content is not null));
        });

    [Fact]
    public void Append_a_line_that_stops_says_what_did_not_come()
    {
        byte[] line = Reply(RandomNumberGenerator.GetBytes(2000), []);
        SerialReader reader = new();
        reader.Append(line.AsSpan(0, 1200));

        GuestReply reply = reader.ReplyOf(Host);
        Assert.False(reader.IsDone);
        Assert.Equal("its end did not come back", reply.Output.Damage);
        Assert.Equal("nothing of it came back", reply.Error.Damage);
    }

    [Fact]
    public void Append_noise_of_any_kind_is_no_reply()
        => Gen.Byte.Array[0, 4000].Sample(static noise =>
        {
            SerialReader reader = new();
            reader.Append(noise);
            Assert.Null(reader.ReplyOf(Host).Output.Content);
        });

    [Fact]
    public void Append_a_length_beyond_the_limit_is_refused_before_it_is_allocated()
    {
        SerialReader reader = new();
        reader.Append(Encoding.ASCII.GetBytes($"@portolan file host.out {int.MaxValue} {new string('0', 64)}\nAAAA\n@portolan end host.out\n"));

        Assert.Contains("at most 64 MiB come back", reader.ReplyOf(Host).Output.Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_a_gzip_stream_longer_than_announced_is_refused()
    {
        SerialReader reader = new();
        reader.Append(Encoding.ASCII.GetBytes($"@portolan file host.out 4 {new string('0', 64)}\n{Pack(new byte[1 << 20])}@portolan end host.out\n"));

        Assert.Contains("its length is not the 4 bytes announced", reader.ReplyOf(Host).Output.Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_what_the_script_gave_up_on_is_kept()
    {
        SerialReader reader = new();
        reader.Append("@portolan stage modules\n@portolan failed module kvm-intel\n@portolan done\n"u8);

        Assert.Equal(("modules", "module kvm-intel", true), (reader.Stage, reader.Failure, reader.IsDone));
    }

    [Fact]
    public void The_real_script_run_by_a_shell_is_read_back()
    {
        string shell = Portolan.Lab.Archives.Initramfs.ShellPath;
        Assert.SkipUnless(File.Exists(shell), "busybox-static is not on this machine");
        using TemporaryFolder folder = new();
        GuestCommand command = new("echo", ["sh", "-c", "echo 'one $two'; echo three >&2; echo kept >left; exit 7"]) { Files = ["left", "never"] };
        string script = GuestScript.Text([], [command]);

        // The same script with the line in a file, the folder moved, and without what only a kernel's first program may do.
        string[] lines = [.. script.Replace("/tmp", folder.Path, StringComparison.Ordinal).Split('\n').Where(static line =>
            !line.StartsWith("mount ", StringComparison.Ordinal) && !line.StartsWith("stty ", StringComparison.Ordinal) && !line.StartsWith("dmesg ", StringComparison.Ordinal)
            && !line.Contains("--install", StringComparison.Ordinal) && !line.Contains("poweroff", StringComparison.Ordinal) && !line.Contains("sync", StringComparison.Ordinal) && !line.Contains("sleep", StringComparison.Ordinal))];
        string local = string.Join('\n', lines).Replace("/dev/ttyS1", folder.At("line"), StringComparison.Ordinal);
        File.WriteAllText(folder.At("init"), local);
        ChildAnswer run = ChildProcess.Run(folder.Path, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken, shell, "sh", folder.At("init"));

        SerialReader reader = new();
        reader.Append(File.ReadAllBytes(folder.At("line")));
        GuestReply reply = reader.ReplyOf(command);
        Assert.Equal("", run.Error);
        Assert.True(reader.IsDone);
        Assert.Equal(7, reply.ExitCode);
        Assert.Equal("one $two\n", Encoding.UTF8.GetString(reply.Output.Content!));
        Assert.Equal("three\n", Encoding.UTF8.GetString(reply.Error.Content!));
        Assert.Equal("kept\n", Encoding.UTF8.GetString(reply.Files["left"].Content!));
        Assert.Equal("the command did not write it", reply.Files["never"].Damage);
    }

    private static byte[] Reply(byte[] output, byte[] extra)
        => Encoding.ASCII.GetBytes(
            $"@portolan stage modules\n@portolan stage host\n@portolan exit host 3\n{Frame("host.out", output)}{Frame("host.err", [])}{Frame("host.file0", extra)}@portolan done\n....\n");

    private static string Frame(string name, byte[] content)
        => $"@portolan file {name} {content.Length} {Convert.ToHexStringLower(SHA256.HashData(content))}\n{Pack(content)}@portolan end {name}\n";

    private static string Pack(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(content);
        }

        return string.Concat(Convert.ToBase64String(packed.ToArray()).Chunk(76).Select(static line => new string(line) + "\n"));
    }
}
