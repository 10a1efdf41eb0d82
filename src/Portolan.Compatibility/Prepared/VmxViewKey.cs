using System.Collections.Concurrent;
using Portolan.Compatibility.Clauses;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// Everything on a host that decides how a guest reads its VMX capability MSRs there, once it was given all of them: hosts with equal
/// keys show the same guest the same. Hosts of one CPU and kernel have one key.
/// </summary>
internal readonly record struct VmxViewKey
{
    /// <summary>Keys that a guest's answers have room for; hosts beyond are asked about clause by clause.</summary>
    public const int Limit = 1024;

    private static readonly ConcurrentDictionary<VmxViewKey, int> Numbers = new();
    private static int _last = -1;

    private VmxViewKey(HostFacts host)
    {
        Design = host.Behaviours.EvmcsDesign;
        Filter = host.Behaviours.EvmcsFilter;
        Sees = host.Behaviours.EvmcsFilterSees;
        When = host.Behaviours.EvmcsFilterWhen;
        Cr4Fixed1 = host.Behaviours.VmxCr4Fixed1;
        HypervAbsent = host.Behaviours.HypervSupport == HypervSupport.Absent;
        Enlightenment = host.Capability(KvmCapability.HypervEnlightenedVmcs);
        AreIndicesKnown = host.Snapshot.FeatureMsrIndices is not null;
        AreMaximaKnown = host.Vmx is { IsComplete: true };
        for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxVmfunc; index++)
        {
            Readable |= host.Msr(index) is null ? 0 : 1u << (int)(index - MsrIndex.Ia32VmxBasic);
        }
    }

    private EvmcsDesign? Design { get; init; }

    private EvmcsFilter? Filter { get; init; }

    private EvmcsFilterSees? Sees { get; init; }

    private EvmcsFilterWhen? When { get; init; }

    private VmxCr4Fixed1? Cr4Fixed1 { get; init; }

    private bool HypervAbsent { get; init; }

    private long? Enlightenment { get; init; }

    private bool AreIndicesKnown { get; init; }

    private bool AreMaximaKnown { get; init; }

    private uint Readable { get; init; }

    /// <summary>The number of a host's key, in the order in which keys are first met.</summary>
    public static int Number(HostFacts host) => Numbers.GetOrAdd(new VmxViewKey(host), static _ => Interlocked.Increment(ref _last));
}
