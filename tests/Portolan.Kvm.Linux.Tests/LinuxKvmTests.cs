using System.Diagnostics;

namespace Portolan.Kvm.Linux.Tests;

public sealed class LinuxKvmTests
{
    [Fact]
    public void TryOpen_of_a_path_that_is_not_there_says_so()
        => AssertRefused(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N")), "there is no such device");

    [Fact]
    public void TryOpen_of_a_directory_says_so() => AssertRefused(Path.GetTempPath(), "is a directory");

    [Fact]
    public void TryOpen_of_a_regular_file_says_that_it_is_no_kvm_device()
        => WithScratch(path =>
        {
            File.WriteAllText(path, "x");
            AssertRefused(path, "is not a KVM device");
        });

    [Fact]
    public void TryOpen_of_a_FIFO_does_not_wait_for_a_writer()
        => WithScratch(path =>
        {
            using Process made = Process.Start("mkfifo", [path]);
            made.WaitForExit();
            Stopwatch watch = Stopwatch.StartNew();

            AssertRefused(path, "is not a KVM device");

            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), "it waited");
        });

    [Fact]
    public void TryOpen_of_another_device_says_that_it_is_no_kvm_device() => AssertRefused("/dev/null", "is not a KVM device");

    /// <summary>A read-only attribute of sysfs refuses to be opened for writing even to root.</summary>
    [Fact]
    public void TryOpen_without_permission_says_so()
    {
        const string readOnly = "/sys/kernel/uevent_seqnum";
        Assert.SkipUnless(File.Exists(readOnly), $"{readOnly} is not there");

        AssertRefused(readOnly, "no permission");
    }

    private static void AssertRefused(string path, string expected)
    {
        Assert.False(LinuxKvm.TryOpen(path, out KvmSystem? system, out string? reason));
        Assert.Null(system);
        Assert.StartsWith(path + ": ", reason, StringComparison.Ordinal);
        Assert.Contains(expected, reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', reason);
    }

    private static void WithScratch(Action<string> use)
    {
        string folder = Directory.CreateTempSubdirectory("portolan").FullName;
        try
        {
            use(Path.Combine(folder, "device"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
