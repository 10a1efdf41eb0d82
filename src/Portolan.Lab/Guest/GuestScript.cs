using System.Globalization;
using System.Text;

namespace Portolan.Lab.Guest;

/// <summary>A module that the lab kernel loads, and its parameters.</summary>
/// <param name="Name">The module, whose file is <c>/modules/NAME.ko</c>.</param>
/// <param name="Parameters">What follows the name at insmod.</param>
public sealed record ModuleLoad(string Name, string Parameters);

/// <summary>The first program of the lab kernel: a shell script that loads modules, runs commands, and sends what they wrote.</summary>
public static class GuestScript
{
    /// <summary>
    /// The last bytes that a guest writes can be lost in the emulator's buffer, so that this many follow the last that matter.
    /// </summary>
    public const int PaddingBytes = 16 << 10;

    private const int PaddingLine = 64;

    /// <summary>The script's text. The kernel's console stays out of the reply: that goes over the second serial line.</summary>
    /// <param name="modules">The modules, in the order in which they are loaded.</param>
    /// <param name="commands">The commands.</param>
    /// <param name="hostName">What the lab kernel's host is called; null to leave it without a name.</param>
    public static string Text(IEnumerable<ModuleLoad> modules, IEnumerable<GuestCommand> commands, string? hostName = null)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(commands);
        StringBuilder script = new(Opening);
        if (hostName is not null)
        {
            Line(script, $"hostname {Quote(hostName)}");
        }

        Line(script, $"say {SerialReader.StageWord} modules");
        foreach (ModuleLoad module in modules)
        {
            Line(script, $"insmod /modules/{module.Name}.ko {module.Parameters} || fail module {module.Name}");
        }

        Line(script, "dmesg -n 1");
        foreach (GuestCommand command in commands)
        {
            Line(script, $"say {SerialReader.StageWord} {command.Name}");
            Line(script, $"( cd /tmp && {string.Join(' ', command.Words.Select(Quote))} ) </dev/null >/tmp/{command.Name}.out 2>/tmp/{command.Name}.err");
            Line(script, $"say {SerialReader.ExitWord} {command.Name} $?");
            Line(script, $"give {command.Name}.out /tmp/{command.Name}.out");
            Line(script, $"give {command.Name}.err /tmp/{command.Name}.err");
            for (int i = 0; i < command.Files.Length; i++)
            {
                Line(script, string.Create(CultureInfo.InvariantCulture, $"give {FileKey(command, i)} {Quote("/tmp/" + command.Files[i])}"));
            }
        }

        Line(script, "finish");
        return script.ToString();
    }

    /// <summary>What a command's further file is called on the line.</summary>
    internal static string FileKey(GuestCommand command, int index) => string.Create(CultureInfo.InvariantCulture, $"{command.Name}.file{index}");

    /// <summary>A word as the shell takes it literally.</summary>
    private static string Quote(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void Line(StringBuilder script, string line) => script.Append(line).Append('\n');

    private static readonly string Opening = $$"""
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin HOME=/tmp
        mount -t devtmpfs devtmpfs /dev
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t tmpfs tmpfs /tmp
        stty -F /dev/ttyS1 115200 raw -echo
        exec 3>/dev/ttyS1
        say() { echo "{{SerialReader.Mark}} $*" >&3; }
        give() {
            if [ -f "$2" ]; then
                sum=$(sha256sum <"$2")
                say {{SerialReader.FileWord}} "$1" $(wc -c <"$2") ${sum%% *}
                gzip -c "$2" | base64 >&3
                say {{SerialReader.EndWord}} "$1"
            else
                say {{SerialReader.AbsentWord}} "$1"
            fi
        }
        finish() {
            say {{SerialReader.DoneWord}}
            i=0
            while [ $i -lt {{(PaddingBytes / PaddingLine).ToString(CultureInfo.InvariantCulture)}} ]; do echo "{{new string('.', PaddingLine - 1)}}" >&3; i=$((i + 1)); done
            sync
            sleep 1
            poweroff -f
        }
        fail() { say {{SerialReader.FailedWord}} "$*"; finish; }

        """;
}
