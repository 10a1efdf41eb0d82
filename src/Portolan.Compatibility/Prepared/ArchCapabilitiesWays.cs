using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// IA32_ARCH_CAPABILITIES as an MSR that is written: who may write what depends on the guest's CPUID bit, on whether the value is 0, and
/// on whether the setup or the restore writes it. Each combination is a row of its own, which a host answers by its clauses.
/// </summary>
internal static class ArchCapabilitiesWays
{
    private const uint Index = MsrIndex.Ia32ArchCapabilities;
    private const ulong SomeValue = 1;
    private static readonly GuestFacts With = GuestFacts.Of(new GuestContract { Cpuid = TableWith(FeatureTable.Get("arch-capabilities")) });
    private static readonly GuestFacts Without = GuestFacts.Of(new GuestContract { Cpuid = CpuidTable.Empty });

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        .. from has in (bool[])[false, true] from way in Enum.GetValues<Way>() select Row(has, way),
    ];

    private enum Way
    {
        NotWritten,
        GivenZero,
        GivenSome,
        RestoredZero,
        RestoredSome,
    }

    private static CpuidTable TableWith(CpuidFeature feature)
    {
        CpuidValues values = default;
        values = values with { Edx = feature.Register == CpuidRegister.Edx ? feature.RegisterMask : throw new NotSupportedException($"{feature.Name} is not in EDX") };
        return CpuidTable.Empty.With(feature.Address.Leaf, feature.Address.Subleaf, values);
    }

    private static FlagNeed Row(bool has, Way way)
        => new(
            $"IA32_ARCH_CAPABILITIES {way}{(has ? "" : " without the feature")}",
            Stage.Load,
            [ClauseTable.MsrArchCapabilitiesCpuid, ClauseTable.MsrArchCapabilitiesZero, ClauseTable.MsrUnsupportedByVcpu],
            guest => guest.Guest.Features[ModelFeature.ArchCapabilities] == has && WayOf(guest) == way,
            host => Answer(has ? With : Without, way, host));

    private static Way WayOf(Departure guest)
        => MsrNeeds.Contract(guest, Index) is { } given ? given == 0 ? Way.GivenZero : Way.GivenSome
            : MsrNeeds.Restored(guest, Index) is { } restored ? restored == 0 ? Way.RestoredZero : Way.RestoredSome
            : Way.NotWritten;

    private static Verdict Answer(GuestFacts guest, Way way, HostFacts host)
    {
        PaperVcpu vcpu = new(guest, host) { HasCpuid = true };
        bool restores = way is Way.RestoredZero or Way.RestoredSome && (host.Listed is null || host.Lists(Index));
        RefusalRule? written = way is Way.GivenZero or Way.GivenSome || restores
            ? MsrClauses.Write(vcpu, Index, way is Way.GivenSome or Way.RestoredSome ? SomeValue : 0)
            : null;
        bool unread = host.Lists(Index) && MissingFact.NameOf(MsrClauses.Read(vcpu, Index, out _)) is not null;
        return Severities.Worse(MsrNeeds.Of(written), unread ? Verdict.Unknown : Verdict.Compatible);
    }
}
