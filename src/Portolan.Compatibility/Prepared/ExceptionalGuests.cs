using Portolan.Compatibility.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Msr;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Prepared;

/// <summary>Guests that the packed form does not have.</summary>
internal static class ExceptionalGuests
{
    private static readonly XFeatureMask Packed = new((1UL << XFeatures.Count) - 1);

    /// <summary>Which combinations are exceptions for the guest.</summary>
    public static Exceptions Of(Departure guest)
    {
        bool always = HasOddSettings(guest) || HasOddState(guest) || guest.Guest.FeatureMsrs.Any(msr => IsOdd(guest, msr)) || LacksVmxMsrs(guest);
        return (always ? Exceptions.Always : 0)
            | (guest.Guest.Contract.EnlightenedVmcs ? Exceptions.RewritesForEveryone : 0)
            | (guest.Guest.FeatureMsrs.Any(static msr => VmxCapabilities.Has(msr.Index)) ? Exceptions.PartlyKnownVmx : 0)
            | (PolicyNeeds.Version(guest.Source) is null ? Exceptions.Always : 0)
            | (guest.Source.Snapshot.Vmm is null ? 0 : Exceptions.OddVersion);
    }

    /// <summary>Settings that change what a vCPU starts with.</summary>
    private static bool HasOddSettings(Departure guest)
        => (guest.Guest.Contract.Settings.DisabledQuirks & SetupClauses.StuffFeatureMsrsQuirk) != 0
            || guest.Guest.Contract.Settings.EnforcePvFeatureCpuid != guest.Vcpu.EnforcesPv;

    /// <summary>A state that no ordinary start gives: parts lost for a missing fact, components without a packed place.</summary>
    private static bool HasOddState(Departure guest)
        => guest.Carried.Components is null
            || !guest.Guest.Promised.IsSubsetOf(Packed)
            || !guest.Carried.Components.Value.IsSubsetOf(Packed)
            || guest.Carried.TscKhz is 0
            || (guest.Guest.Contract.TscKhz is { } asked && asked != 0 && asked != guest.Carried.TscKhz)
            || guest.Carried.Msrs.Any(msr => StateLoad.IsRestored(guest.Guest.Contract, msr.Index) && !IsAlwaysTaken(guest, msr))
            || MsrNeeds.InUse(guest).Any(static index => !MsrNeeds.HasBit(index));

    /// <summary>Is a restored value one that every host takes, or one that a row judges?</summary>
    private static bool IsAlwaysTaken(Departure guest, MsrValue msr)
        => msr.Index is MsrIndex.Ia32ArchCapabilities or MsrIndex.Ia32PerfCapabilities or MsrIndex.Ia32Xss || guest.Source.Msr(msr.Index) is not { } fact || fact.Kind switch
        {
            MsrTreatment.Canonical or MsrTreatment.FeatCtl or MsrTreatment.TsxCtrl or MsrTreatment.MiscFeatures or MsrTreatment.Xfd or MsrTreatment.XfdErr => msr.Value == 0,
            MsrTreatment.Pat or MsrTreatment.PlatformInfo or MsrTreatment.ApicBase => msr.Value == fact.Initial,
            _ => true,
        };

    /// <summary>A value in the contract that a host judges by a rule without a row.</summary>
    private static bool IsOdd(Departure guest, MsrValue msr)
    {
        if (!MsrNeeds.HasGivenBit(msr.Index))
        {
            return true;
        }

        if (VmxCapabilities.Has(msr.Index))
        {
            return !VmxCapabilitiesReader.RestoreOrder.Contains(msr.Index)
                || (msr.Index == MsrIndex.Ia32VmxBasic && (msr.Value & VmxBits.BasicRestoredZero) != 0);
        }

        return guest.Source.Msr(msr.Index)?.Kind switch
        {
            null or MsrTreatment.Stored or MsrTreatment.Microcode or MsrTreatment.DeCfg or MsrTreatment.MiscEnable
                or MsrTreatment.ArchCapabilities or MsrTreatment.PerfCapabilities or MsrTreatment.PlatformInfo => false,
            MsrTreatment.FeatCtl => MsrClauses.FeatCtlUnknown(msr.Value) != 0,
            _ => true,
        };
    }

    /// <summary>A guest with VMX that was not given each of its MSRs reads the host's; one without VMX must not be given any.</summary>
    private static bool LacksVmxMsrs(Departure guest)
    {
        MsrTable given = guest.Guest.Contract.FeatureMsrs;
        return guest.Guest.Features[ModelFeature.Vmx]
            ? !VmxCapabilitiesReader.RestoreOrder.All(given.Contains)
            : given.Values.ToArray().Any(static msr => VmxCapabilities.Has(msr.Index));
    }
}
