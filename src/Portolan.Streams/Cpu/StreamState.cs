using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.Streams.Sections;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Cpu;

/// <summary>The state of a whole VM in a stream.</summary>
public static class StreamState
{
    /// <summary>The vCPUs and the clock as a destination gives them to KVM; a fault where a vCPU cannot be decoded.</summary>
    public static GuestState? Of(MigrationStream stream, XsaveLayout layout, out StreamFault? fault)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(stream, out fault);
        if (fault is not null)
        {
            return null;
        }

        SectionFields? clock = stream.Sections.FirstOrDefault(static section => section.Name == "kvmclock") is { } section ? SectionFields.Of(stream, section, out fault) : null;
        return fault is not null
            ? null
            : new GuestState
            {
                Vcpus = [.. vcpus.Select(vcpu => vcpu.ToState(layout))],
                Clock = clock?.Number("clock") is { } nanoseconds ? new KvmClock(nanoseconds) : null,
            };
    }
}
