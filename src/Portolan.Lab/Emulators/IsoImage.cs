using Portolan.Documents;

namespace Portolan.Lab.Emulators;

/// <summary>A CD image that boots a kernel with ISOLINUX.</summary>
internal static class IsoImage
{
    public const string FileName = "boot.iso";
    public const string Loader = "/usr/lib/ISOLINUX/isolinux.bin";
    public const string LoaderLibrary = "/usr/lib/syslinux/modules/bios/ldlinux.c32";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Writes the image into the folder; answers null, or why it could not.</summary>
    public static LabFault? Write(BootMedia media, string folder, CancellationToken cancel)
    {
        string disc = Path.Combine(folder, "disc");
        string boot = Path.Combine(disc, "isolinux");
        Directory.CreateDirectory(boot);
        File.Copy(Loader, Path.Combine(boot, "isolinux.bin"), overwrite: true);
        File.Copy(LoaderLibrary, Path.Combine(boot, "ldlinux.c32"), overwrite: true);
        File.Copy(media.Image, Path.Combine(disc, "vmlinuz"), overwrite: true);
        File.WriteAllBytes(Path.Combine(disc, "initrd"), media.Initramfs);
        File.WriteAllText(
            Path.Combine(boot, "isolinux.cfg"), $"DEFAULT lab\nLABEL lab\n KERNEL /vmlinuz\n APPEND initrd=/initrd {media.Arguments}\n");
        ChildAnswer made = ChildProcess.Run(
            folder,
            Limit,
            cancel,
            ["xorriso", "-as", "mkisofs", "-quiet", "-o", FileName, "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
                "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "disc"]);
        return made.Ok ? null : LabFault.Unavailable($"xorriso could not make the boot image: {Printable.OneLine(made.LastError)}");
    }
}
