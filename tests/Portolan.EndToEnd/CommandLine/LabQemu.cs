using System.Diagnostics;
using System.Text.RegularExpressions;
using Portolan.Lab;
using Portolan.Lab.Guest;
using Portolan.Lab.Packages;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>QEMU for a lab kernel: the program, its firmware, and a script that loads a stream and lets the guest run on.</summary>
/// <param name="Program">The program.</param>
/// <param name="TellsRefusals">Does it end when KVM refuses a vCPU's state? Up to 9.1 it goes on without a word.</param>
internal sealed partial record LabQemu(string Program, bool TellsRefusals)
{
    private const string Name = "qemu-system-x86_64";
    private const string Package = "qemu-system-x86";
    private const string ScriptPath = "/load";
    private static readonly DebianVersion FirstThatTells = new("1:9.2");
    private static readonly string[] Firmware = ["bios-256k.bin", "kvmvapic.bin"];
    private static readonly string[] FirmwareFolders = ["/usr/share/seabios", "/usr/share/qemu"];

    private string PathInLab => $"/bin/{(TellsRefusals ? "qemu-new" : "qemu-old")}";

    /// <summary>The QEMU of this machine; skips the test where none is.</summary>
    public static LabQemu OfThisMachine()
    {
        string program = Path.Combine("/usr/bin", Name);
        Assert.SkipUnless(File.Exists(program), $"the package {Package} is not installed");
        using Process asked = Process.Start(new ProcessStartInfo(program, ["--version"]) { RedirectStandardOutput = true })!;
        Match version = Release().Match(asked.StandardOutput.ReadToEnd());
        asked.WaitForExit();
        return new LabQemu(program, new DebianVersion("1:" + version.Value) >= FirstThatTells);
    }

    /// <summary>
    /// A QEMU that tells of refusals: this machine's, or a newer one that the distribution serves for this release, unpacked into a folder; skips the test where there is none.
    /// </summary>
    public static LabQemu ThatTells(string folder)
    {
        LabQemu own = OfThisMachine();
        if (own.TellsRefusals)
        {
            return own;
        }

        Assert.SkipWhen(CacheFolder.Default() is null, "there is no folder to keep packages in");
        PackageClient client = new(CacheFolder.Default()!, null, static _ => { });
        Obtained<PackageIndex> index = client.Versions([Package], TestContext.Current.CancellationToken);
        Assert.SkipUnless(index.Ok, index.Fault?.Message ?? "");
        PackageRecord? chosen = index.Value!.All.FirstOrDefault(static record => record.Version >= FirstThatTells && IsForThisRelease(record.Version.Text));
        Assert.SkipWhen(chosen is null, $"the distribution's suites serve no {Package} of 9.2 or later for this machine's release");
        Obtained<IReadOnlyList<string>> files = client.Fetch([chosen!], TestContext.Current.CancellationToken);
        Assert.SkipUnless(files.Ok, files.Fault?.Message ?? "");
        using Process unpacked = Process.Start("dpkg", ["-x", files.Value![0], folder]);
        unpacked.WaitForExit();
        return new LabQemu(Path.Combine(folder, "usr", "bin", Name), true);
    }

    /// <summary>What the lab kernel needs for it.</summary>
    public IEnumerable<GuestFile> Files() =>
        [new(PathInLab, Program, IsProgram: true), .. Firmware.Select(static name => new GuestFile($"/firmware/{name}", FirmwareFile(name)))];

    /// <summary>The script's file, once for every QEMU.</summary>
    public static GuestFile Script(TemporaryFolder folder) => new(ScriptPath, folder.Write("load", LoadScript));

    /// <summary>
    /// Loads a stream on KVM into a machine, lets it run on, and saves it again as <c>again.mig</c>. The exit code is QEMU's own; what QEMU said is the error output.
    /// </summary>
    public GuestCommand Load(string name, string stream, params string[] machine)
        => new(name, ["/bin/sh", ScriptPath, stream, PathInLab, .. machine]) { Files = ["again.mig"] };

    private static string FirmwareFile(string name)
    {
        string? found = FirmwareFolders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, $"the firmware {name} of the packages seabios and qemu-system-data is not installed");
        return found!;
    }

    /// <summary>Was a package built for the distribution's release that this machine runs, whose libraries it therefore finds?</summary>
    private static bool IsForThisRelease(string version)
    {
        string release = File.ReadLines("/etc/os-release").FirstOrDefault(static line => line.StartsWith("VERSION_ID=", StringComparison.Ordinal))?.Split('=')[1].Trim('"') ?? "";
        string mark = version.Contains("~bpo", StringComparison.Ordinal) ? $"~bpo{release}+" : $"+deb{release}u";
        return release.Length > 0 && version.Contains(mark, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\d+\.\d+(\.\d+)?")]
    private static partial Regex Release();

    private const string LoadScript = """
        stream=$1; shift
        cd /tmp && rm -f in said again.part again.mig && mkfifo in
        trap '' PIPE
        timeout 90 "$@" -nodefaults -display none -qmp stdio -incoming "exec:cat $stream" <in >said &
        qemu=$!
        exec 4>in
        tell() { echo "{\"execute\": \"$1\"${2:-}}" >&4; }
        lives() { kill -0 $qemu 2>/dev/null; }
        until_says() { while lives; do tell "$1"; sleep 1; grep -q "$2" said && return 0; done; return 1; }
        tell qmp_capabilities
        if until_says query-status '"status": "paused"'; then
            tell cont
            until_says query-status '"status": "running"'
            tell migrate ', "arguments": {"uri": "exec:cat >again.part && mv again.part again.mig"}'
            while lives && [ ! -e again.mig ]; do sleep 1; done
            until_says query-status '"status": "postmigrate"'
            tell quit
        fi
        wait $qemu
        code=$?
        grep -o '"status": "[a-z]*"' said | uniq
        exit $code

        """;
}
