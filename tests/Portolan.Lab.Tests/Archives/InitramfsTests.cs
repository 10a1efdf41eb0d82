using System.IO.Compression;
using System.Text;
using Portolan.Documents;
using Portolan.Lab.Archives;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Tests.Archives;

public sealed class InitramfsTests
{
    private const string AnyProgram = "/bin/ls";

    [Fact]
    public void Build_holds_the_program_its_libraries_the_shell_the_modules_and_the_script()
    {
        Assert.SkipUnless(File.Exists(Initramfs.ShellPath), "busybox-static is not on this machine");
        Assert.SkipUnless(ChildProcess.Find("cpio") is not null, "cpio is not on this machine");
        using TemporaryFolder folder = new();
        Obtained<byte[]> built = Initramfs.Build(AnyProgram, [new KernelModule("kvm", [1, 2, 3])], "#!/bin/busybox sh\n");

        using (GZipStream plain = new(new MemoryStream(built.Value!), CompressionMode.Decompress))
        using (FileStream output = File.Create(folder.At("archive")))
        {
            plain.CopyTo(output);
        }

        ChildAnswer unpacked = ChildProcess.Run(folder.Path, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken, "sh", "-c", "cpio -i --quiet <archive");
        Assert.Equal(0, unpacked.ExitCode);
        Assert.Equal(File.ReadAllBytes(AnyProgram), File.ReadAllBytes(folder.At("bin", "portolan")));
        Assert.Equal(File.ReadAllBytes(Initramfs.ShellPath), File.ReadAllBytes(folder.At("bin", "busybox")));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(folder.At("modules", "kvm.ko")));
        Assert.Equal("#!/bin/busybox sh\n", File.ReadAllText(folder.At("init")));
        Assert.True(folder.ModeOf("init").HasFlag(UnixFileMode.UserExecute));

        // The loader of the unpacked root finds every library there: the program runs with nothing else.
        ChildAnswer run = ChildProcess.Run(
            folder.Path, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken,
            folder.At("lib64", "ld-linux-x86-64.so.2"), "--inhibit-cache", "--library-path", "lib/x86_64-linux-gnu", "bin/portolan", "modules");
        Assert.Equal("", run.Error);
        Assert.Equal("kvm.ko\n", Encoding.UTF8.GetString(run.Output));
    }

    [Fact]
    public void Build_refuses_a_program_that_is_none()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.At("script"), "#!/bin/sh\n");

        LabFault fault = Initramfs.Build(folder.At("script"), [], "").Fault!;
        LabFault none = Initramfs.Build(folder.At("none"), [], "").Fault!;

        Assert.Equal((LabFaultKind.BadInput, LabFaultKind.BadInput), (fault.Kind, none.Kind));
        Assert.Contains("expected an ELF program for x86-64", fault.Message, StringComparison.Ordinal);
        Assert.Contains("found nothing of that name", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_takes_further_files_at_paths_of_their_own()
    {
        Assert.SkipUnless(File.Exists(Initramfs.ShellPath), "busybox-static is not on this machine");
        Assert.SkipUnless(ChildProcess.Find("cpio") is not null, "cpio is not on this machine");
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.At("note"), "a note");
        Obtained<byte[]> built = Initramfs.Build(AnyProgram, [], "", [new GuestFile("/notes/of/one", folder.At("note")), new GuestFile("/bin/other", "/bin/cat", IsProgram: true)]);

        using (GZipStream plain = new(new MemoryStream(built.Value!), CompressionMode.Decompress))
        using (FileStream output = File.Create(folder.At("archive")))
        {
            plain.CopyTo(output);
        }

        Assert.Equal(0, ChildProcess.Run(folder.Path, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken, "sh", "-c", "cpio -i --quiet <archive").ExitCode);
        Assert.Equal("a note", File.ReadAllText(folder.At("notes", "of", "one")));
        Assert.False(folder.ModeOf("notes", "of", "one").HasFlag(UnixFileMode.UserExecute));
        Assert.True(folder.ModeOf("bin", "other").HasFlag(UnixFileMode.UserExecute));
    }

    [Theory]
    [InlineData("relative", "/bin/ls", "an absolute path of its own")]
    [InlineData("/up/../init", "/bin/ls", "an absolute path of its own")]
    [InlineData("/init", "/bin/ls", "an absolute path of its own")]
    [InlineData("/bin/portolan", "/bin/ls", "an absolute path of its own")]
    [InlineData("/there", "/nowhere/at/all", "found nothing of that name")]
    public void Build_refuses_a_further_file_that_cannot_be(string path, string source, string expected)
    {
        LabFault fault = Initramfs.Build(AnyProgram, [], "", [new GuestFile(path, source)]).Fault!;

        Assert.Equal(LabFaultKind.BadInput, fault.Kind);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ElfNeeds_reads_the_loader_and_the_libraries()
    {
        ElfNeeds needs = ElfNeeds.Read(AnyProgram, File.ReadAllBytes(AnyProgram)).Value!;

        Assert.Equal("/lib64/ld-linux-x86-64.so.2", needs.Interpreter);
        Assert.Contains("libc.so.6", needs.Libraries);
    }

    [Fact]
    public void ElfNeeds_bounds_every_length_of_a_damaged_program()
    {
        byte[] whole = File.ReadAllBytes(AnyProgram)[..4096];
        Random random = new(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] damaged = [.. whole];
            for (int j = 0; j < 4; j++)
            {
                damaged[random.Next(16, 1024)] = (byte)random.Next(256);
            }

            Reading<ElfNeeds> needs = ElfNeeds.Read("damaged", damaged.AsSpan(0, random.Next(64, damaged.Length)));
            Assert.True(needs.Ok || needs.Fault.ToString().Contains("expected", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Script_quotes_words_and_ends_on_a_module_that_does_not_load()
    {
        string script = GuestScript.Text([new ModuleLoad("kvm", ""), new ModuleLoad("kvm-amd", "nested=1")], [GuestCommand.Program("a", "it's", "$HOME")]);

        Assert.Contains("insmod /modules/kvm-amd.ko nested=1 || fail module kvm-amd\n", script, StringComparison.Ordinal);
        Assert.Contains("'/bin/portolan' 'it'\\''s' '$HOME'", script, StringComparison.Ordinal);
    }
}
