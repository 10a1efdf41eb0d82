using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Linux.Environment;
using Portolan.Kvm.Probing;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host classify</c>: measures the live kernel's behaviours and names its generations.</summary>
internal static class HostClassify
{
    public static Command Command(Terminal terminal)
    {
        Option<string> device = LiveOptions.Device();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("classify", "Measure this host's behaviours without running a guest.") { device, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(device), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string device, bool json, string? output)
    {
        if (!LinuxKvm.TryOpen(device, out KvmSystem? system, out string? reason))
        {
            return terminal.RefuseHost(reason);
        }

        using (system)
        {
            HostEnvironment environment = LinuxHost.Read();
            KernelRelease? release = KernelRelease.TryParse(environment.KernelRelease, environment.KernelVersion, out KernelRelease parsed) ? parsed : null;
            HostClassification found = HostClassification.Measure(system, release);
            return Answer.Give(terminal, output, json, () => ClassificationDocument.Write(found), () => ClassificationReport.Of(found, environment));
        }
    }
}
