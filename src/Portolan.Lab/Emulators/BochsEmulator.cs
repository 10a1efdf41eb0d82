namespace Portolan.Lab.Emulators;

/// <summary>
/// Bochs. It boots from a CD image. The distribution's build stops in its debugger, so that a file tells it to continue; its text display
/// wants a terminal, which <c>script</c> gives it.
/// </summary>
internal static class BochsEmulator
{
    public const string Bios = "/usr/share/bochs/BIOS-bochs-latest";
    public const string VideoBios = "/usr/share/vgabios/vgabios.bin";
    public const string Display = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so";

    public static Obtained<EmulatorCommand> Prepare(BootMedia media, string folder, CancellationToken cancel)
    {
        if (IsoImage.Write(media, folder, cancel) is { } fault)
        {
            return fault;
        }

        File.WriteAllText(Path.Combine(folder, "bochsrc"), Configuration(media.Cpu));
        File.WriteAllText(Path.Combine(folder, "continue"), "c\n");
        return new EmulatorCommand(["script", "-qfc", "stty rows 50 cols 132; exec bochs -q -f bochsrc -rc continue", "/dev/null"]);
    }

    private static string Configuration(string cpu) => $"""
        cpu: model={cpu}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
        megs: 1024
        romimage: file={Bios}
        vgaromimage: file={VideoBios}
        com1: enabled=1, mode=file, dev={EmulatorCommand.ConsoleFile}
        com2: enabled=1, mode=file, dev={EmulatorCommand.ReplyFile}
        clock: sync=none
        ata0-master: type=cdrom, path={IsoImage.FileName}, status=inserted
        boot: cdrom
        panic: action=report
        error: action=report
        info: action=ignore
        log: bochs.log
        display_library: term
        sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy

        """;
}
