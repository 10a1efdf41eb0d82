using System.Diagnostics;
using System.Globalization;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.Libvirt;

/// <summary>What an installed libvirt answers: a session daemon of its own in a temporary folder, started for the questions and stopped.</summary>
/// <param name="Capabilities">virsh capabilities.</param>
/// <param name="DomainCapabilities">virsh domcapabilities --virttype kvm.</param>
/// <param name="Emulated">virsh domcapabilities --virttype qemu.</param>
/// <param name="Processor">cpu-compare, by model: may it run on this processor?</param>
/// <param name="Hypervisor">hypervisor-cpu-compare, by model: may it run under this QEMU with KVM?</param>
internal sealed record LiveLibvirt(
    string Capabilities, string DomainCapabilities, string Emulated, IReadOnlyDictionary<string, bool> Processor, IReadOnlyDictionary<string, bool> Hypervisor)
{
    private const string NobodysId = "65534";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Asks about every model of libvirt; skips, visibly, where no libvirt with KVM is installed.</summary>
    public static LiveLibvirt Ask()
    {
        foreach (string needed in (string[])["/usr/sbin/libvirtd", "/usr/bin/virsh", "/usr/bin/qemu-system-x86_64", "/usr/bin/setpriv", "/dev/kvm"])
        {
            Assert.SkipUnless(File.Exists(needed), $"{needed} is not there");
        }

        string folder = Directory.CreateTempSubdirectory("portolan-libvirt-").FullName;
        try
        {
            Run(folder);
            return new(
                File.ReadAllText(Path.Combine(folder, "capabilities")),
                File.ReadAllText(Path.Combine(folder, "domcapabilities-kvm")),
                File.ReadAllText(Path.Combine(folder, "domcapabilities-qemu")),
                Answers(Path.Combine(folder, "processor")),
                Answers(Path.Combine(folder, "hypervisor")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Run(string folder)
    {
        foreach (CpuModel model in CpuModelTable.Of(CpuModelOrigin.Libvirt))
        {
            File.WriteAllText(Path.Combine(folder, model.Name + ".xml"), $"<cpu mode='custom' match='exact'><model fallback='forbid'>{model.Name}</model></cpu>");
        }

        // A session daemon is an ordinary user's; root would start the system's.
        bool isRoot = Environment.IsPrivilegedProcess;
        string script = Path.Combine(folder, "ask.sh");
        File.WriteAllText(script, Script);
        if (isRoot && OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        }

        ProcessStartInfo start = isRoot
            ? new("/usr/bin/setpriv", ["--reuid=" + NobodysId, "--regid=kvm", "--clear-groups", "/bin/sh", script, folder])
            : new("/bin/sh", [script, folder]);
        start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(Patience), "libvirt did not answer in time");
        Assert.SkipUnless(process.ExitCode == 0, $"libvirt's daemon does not start here: {errors.Result.Trim()}");
    }

    private static Dictionary<string, bool> Answers(string file)
        => File.ReadLines(file).Select(static line => line.Split(' ')).Where(static words => words[1] is "superset" or "identical" or "incompatible")
            .ToDictionary(static words => words[0], static words => words[1] != "incompatible", StringComparer.Ordinal);

    private static readonly string Script = string.Create(CultureInfo.InvariantCulture, $$"""
        export HOME="$1" XDG_RUNTIME_DIR="$1" XDG_CONFIG_HOME="$1/config" XDG_CACHE_HOME="$1/cache"
        /usr/sbin/libvirtd --timeout 60 >"$1/log" 2>&1 &
        daemon=$!
        n=0
        while ! [ -S "$1/libvirt/libvirt-sock" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
        ask() { virsh -q -c qemu:///session "$@"; }
        ask capabilities >"$1/capabilities" || { tail -1 "$1/log" >&2; kill $daemon; exit 1; }
        for type in kvm qemu; do ask domcapabilities --virttype $type >"$1/domcapabilities-$type"; done
        word() { case "$1" in *superset*) echo superset;; *identical*) echo identical;; *incompatible*) echo incompatible;; *) echo error;; esac; }
        for file in "$1"/*.xml; do
          model=$(basename "$file" .xml)
          echo "$model $(word "$(ask cpu-compare "$file" 2>&1)")" >>"$1/processor"
          echo "$model $(word "$(ask hypervisor-cpu-compare --virttype kvm "$file" 2>&1)")" >>"$1/hypervisor"
        done
        kill $daemon
        wait $daemon
        exit 0
        """);
}
