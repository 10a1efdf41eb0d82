using System.Collections.Immutable;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Run;

/// <summary>
/// A host whose snapshot lacks what every guest needs: it answers what it knows of CPUID, so that the promise can be judged, and misses a
/// fact for everything else.
/// </summary>
internal sealed class UnmodelledSystem(HostSnapshot snapshot, string missing) : IKvmSystem
{
    /// <inheritdoc/>
    public KvmAnswer<int> GetApiVersion() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<int> CheckExtension(uint capability) => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedCpuid() => snapshot.SupportedCpuid is { } fact ? fact.Value : MissingFact.Answer("supportedCpuid");

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetEmulatedCpuid() => snapshot.EmulatedCpuid is { } fact ? fact.Value : MissingFact.Answer("emulatedCpuid");

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrIndexList() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrFeatureIndexList() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestSupp() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestPermission() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer RequestXcompGuestPermission(int component) => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public KvmAnswer<IKvmVm> CreateVm() => MissingFact.Answer(missing);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
