using Portolan.Conformance;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Linux.Environment;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Conformance;

/// <summary>This host's KVM as a subject of the suite.</summary>
internal sealed class LiveSubject : IDisposable
{
    private readonly KvmSystem _system;

    private LiveSubject(KvmSystem system, HostSnapshot host)
    {
        _system = system;
        Subject = new ConformanceSubject("live", host, KvmBehaviours.Of(host), () => system, IsModel: false);
    }

    public ConformanceSubject Subject { get; }

    /// <summary>Opens the device and records the host; null, and the reason, if there is no KVM.</summary>
    public static LiveSubject? TryOpen(string device, out string? reason)
    {
        if (!LinuxKvm.TryOpen(device, out KvmSystem? system, out reason))
        {
            return null;
        }

        // The first vCPU of this process fixes what it may give to guests (contract X23), and recording the host makes one.
        foreach (int component in XFeatureTable.Dynamic.Components())
        {
            _ = system.RequestXcompGuestPermission(component);
        }

        return new LiveSubject(system, HostRecorder.Record(system, LinuxHost.Read(), DateTimeOffset.UtcNow));
    }

    public void Dispose() => _system.Dispose();
}
