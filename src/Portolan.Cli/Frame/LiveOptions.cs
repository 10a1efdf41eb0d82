using System.CommandLine;
using Portolan.Kvm.Linux;

namespace Portolan.Cli.Frame;

/// <summary>Options of the verbs that ask the live kernel.</summary>
internal static class LiveOptions
{
    public static Option<string> Device() => new("--device")
    {
        Description = $"KVM's device; without it {LinuxKvm.DevicePath}.",
        HelpName = "PATH",
        DefaultValueFactory = static _ => LinuxKvm.DevicePath,
    };
}
