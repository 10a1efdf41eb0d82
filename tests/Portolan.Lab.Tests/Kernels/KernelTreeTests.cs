using System.Buffers.Binary;
using System.Text;
using Portolan.Kvm.Kernel;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Tests.Kernels;

public sealed class KernelTreeTests
{
    private const string Banner = "6.1.0-56-cloud-amd64 (someone) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)";

    [Fact]
    public void Open_reads_the_release_out_of_the_image()
    {
        using TemporaryFolder folder = new();
        Plant(folder, "boot/vmlinuz-6.1.0-56-cloud-amd64", Image(Banner));

        BootHeader header = KernelTree.Open(folder.Path).Value!.Header;

        Assert.Equal(("6.1.0-56-cloud-amd64", new KernelRelease(6, 1, 192)), (header.PackageRelease, header.Upstream));
    }

    [Fact]
    public void Load_orders_modules_by_what_they_need_and_leaves_out_what_is_built_in()
    {
        using TemporaryFolder folder = new();
        Plant(folder, "usr/lib/modules/V/vmlinuz", Image("7.3.4+deb13-cloud-amd64 (x) #1"));
        Plant(folder, "usr/lib/modules/V/modules.builtin", "kernel/drivers/ccp.ko\n"u8.ToArray());
        Plant(folder, "usr/lib/modules/V/kernel/kvm-amd.ko", Module("kvm,ccp"));
        Plant(folder, "usr/lib/modules/V/kernel/kvm.ko", Module("irqbypass"));
        Plant(folder, "usr/lib/modules/V/kernel/irqbypass.ko", Module(""));

        IReadOnlyList<KernelModule> modules = KernelTree.Open(folder.Path).Value!.Load("kvm-amd", TestContext.Current.CancellationToken).Value!;

        Assert.Equal(["irqbypass", "kvm", "kvm-amd"], modules.Select(static module => module.Name));
    }

    [Fact]
    public void Load_unpacks_modules_compressed_with_xz()
    {
        Assert.SkipUnless(ChildProcess.Find("xz") is not null, "xz is not on this machine");
        using TemporaryFolder folder = new();
        Plant(folder, "lib/vmlinuz", Image(Banner));
        Plant(folder, "lib/kvm.ko", Module(""));
        Assert.Equal(0, ChildProcess.Run(folder.Path, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken, "xz", "lib/kvm.ko").ExitCode);

        KernelModule module = Assert.Single(KernelTree.Open(folder.Path).Value!.Load("kvm", TestContext.Current.CancellationToken).Value!);

        Assert.Equal(Module(""), module.Content);
    }

    [Theory]
    [InlineData(new string[0], "expected a file vmlinuz* of a kernel package, found none")]
    [InlineData(new[] { "vmlinuz-1", "vmlinuz-2" }, "expected one kernel, found 2 files vmlinuz*")]
    public void Open_refuses_a_folder_that_is_no_kernel(string[] images, string expected)
    {
        using TemporaryFolder folder = new();
        Array.ForEach(images, image => Plant(folder, image, Image(Banner)));

        Assert.Contains(expected, KernelTree.Open(folder.Path).Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_refuses_an_image_that_is_none()
    {
        using TemporaryFolder folder = new();
        Plant(folder, "vmlinuz", new byte[4096]);

        Assert.Contains("byte 514: expected the mark HdrS of a bzImage", KernelTree.Open(folder.Path).Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_names_a_module_that_is_not_there()
    {
        using TemporaryFolder folder = new();
        Plant(folder, "vmlinuz", Image(Banner));

        Assert.Contains("expected the module kvm-amd, found none", KernelTree.Open(folder.Path).Value!.Load("kvm-amd", TestContext.Current.CancellationToken).Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unpack_refuses_a_file_that_is_no_package()
    {
        Assert.SkipUnless(ChildProcess.Find("dpkg") is not null, "dpkg is not on this machine");
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.At("a.deb"), "no package");

        LabFault fault = KernelTree.Unpack([folder.At("a.deb")], folder.At("out"), TestContext.Current.CancellationToken).Fault!;

        Assert.Equal(LabFaultKind.BadInput, fault.Kind);
        Assert.Contains("expected a Debian package", fault.Message, StringComparison.Ordinal);
    }

    private static void Plant(TemporaryFolder folder, string path, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.At(path))!);
        File.WriteAllBytes(folder.At(path), content);
    }

    private static byte[] Image(string banner)
    {
        byte[] image = new byte[4096];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20e), 0x400);
        Encoding.ASCII.GetBytes(banner).CopyTo(image, 0x600);
        return image;
    }

    private static byte[] Module(string needs) => Encoding.ASCII.GetBytes($"\u007fELF\0license=GPL\0depends={needs}\0retpoline=Y\0");
}
