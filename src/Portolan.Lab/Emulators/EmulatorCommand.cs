using System.Collections.Immutable;

namespace Portolan.Lab.Emulators;

/// <summary>What an emulator boots.</summary>
/// <param name="Image">The kernel image's path.</param>
/// <param name="Initramfs">Its first root.</param>
/// <param name="Arguments">Its command line.</param>
/// <param name="Cpu">The CPU model, as the emulator spells it.</param>
internal sealed record BootMedia(string Image, byte[] Initramfs, string Arguments, string Cpu);

/// <summary>How an emulator is started: in a folder of its own, into which it writes both serial lines.</summary>
/// <param name="Words">The program and its arguments.</param>
internal sealed record EmulatorCommand(ImmutableArray<string> Words)
{
    /// <summary>The file of the first serial line: the kernel's console.</summary>
    public const string ConsoleFile = "console.log";

    /// <summary>The file of the second serial line: the reply.</summary>
    public const string ReplyFile = "reply.log";

    /// <summary>Prepares the folder for an oracle's emulator.</summary>
    public static Obtained<EmulatorCommand> Prepare(Oracle oracle, BootMedia media, string folder, CancellationToken cancel)
        => oracle == Oracle.Amd ? QemuEmulator.Prepare(media, folder) : BochsEmulator.Prepare(media, folder, cancel);
}

/// <summary>QEMU's translator, which needs no KVM of this machine.</summary>
internal static class QemuEmulator
{
    private const string MemoryMegabytes = "768";

    public static EmulatorCommand Prepare(BootMedia media, string folder)
    {
        File.WriteAllBytes(Path.Combine(folder, "initrd"), media.Initramfs);
        File.Copy(media.Image, Path.Combine(folder, "vmlinuz"), overwrite: true);
        return new EmulatorCommand(
        [
            "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", media.Cpu, "-m", MemoryMegabytes, "-nodefaults", "-display", "none",
            "-no-reboot", "-serial", $"file:{EmulatorCommand.ConsoleFile}", "-serial", $"file:{EmulatorCommand.ReplyFile}",
            "-kernel", "vmlinuz", "-initrd", "initrd", "-append", media.Arguments,
        ]);
    }
}
