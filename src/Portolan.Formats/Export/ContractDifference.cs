using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Portolan.Documents;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Formats.Export;

/// <summary>What of one contract another does not keep, place by place.</summary>
public static class ContractDifference
{
    private const string Absent = "absent";
    private const string Unnamed = "bits without a name";

    /// <summary>
    /// Every bit, field and setting in which <paramref name="carried"/> differs from <paramref name="promised"/>. Names, unknown
    /// fields, what KVM rewrites at run time (contract C4) and what every VMM writes for each vCPU are left out.
    /// </summary>
    public static ImmutableArray<Uncarried> Between(GuestContract promised, GuestContract carried)
    {
        ArgumentNullException.ThrowIfNull(promised);
        ArgumentNullException.ThrowIfNull(carried);
        return [.. Cpuid(promised, carried), .. Msrs(promised.FeatureMsrs, carried.FeatureMsrs), .. Settings(promised, carried)];
    }

    private static IEnumerable<Uncarried> Cpuid(GuestContract promised, GuestContract carried)
    {
        // Bits of a register that have no name are one entry.
        foreach (IGrouping<(CpuidSpace, CpuidAddress, CpuidRegister, CpuidFeature?, int), CpuidDifference> place in CpuidDiff.Compare(promised.Cpuid, carried.Cpuid)
            .Where(static difference => difference.Feature?.Rule != MigrationRule.Synthesised)
            .GroupBy(static difference => (difference.Space, difference.Address, difference.Register, difference.Feature, difference.Feature is null ? 0 : difference.LowBit)))
        {
            CpuidDifference first = place.First();
            yield return first.Feature is { } feature
                ? new Uncarried(UncarriedKind.Cpuid, first.Place, feature.Names(), Number(first.Left, first.IsBit), Number(first.Right, first.IsBit))
                : new Uncarried(
                    UncarriedKind.Cpuid, first.Place[..first.Place.LastIndexOf('[')], Unnamed, HexText.Of(Bits(place, static bit => bit.Left)), HexText.Of(Bits(place, static bit => bit.Right)));
        }
    }

    private static uint Bits(IEnumerable<CpuidDifference> bits, Func<CpuidDifference, uint> value)
        => bits.Aggregate(0u, (all, bit) => all | value(bit) << bit.LowBit);

    private static IEnumerable<Uncarried> Msrs(MsrTable promised, MsrTable carried)
    {
        foreach (uint index in promised.Select(static msr => msr.Index).Union(carried.Select(static msr => msr.Index)).Order())
        {
            bool hasOne = promised.TryGet(index, out ulong one);
            bool hasOther = carried.TryGet(index, out ulong other);
            if (hasOne != hasOther)
            {
                yield return new Uncarried(UncarriedKind.Msr, KnownMsrs.Describe(index), "", hasOne ? HexText.Of(one) : Absent, hasOther ? HexText.Of(other) : Absent);
                continue;
            }

            ulong rest = one ^ other;
            foreach ((ulong mask, int low, string place, string names) in FieldsOf(index).Where(field => (field.Mask & (one ^ other)) != 0))
            {
                rest &= ~mask;
                bool isBit = BitOperations.IsPow2(mask);
                yield return new Uncarried(UncarriedKind.Msr, place, names, Number((one & mask) >> low, isBit), Number((other & mask) >> low, isBit));
            }

            if (rest != 0)
            {
                yield return new Uncarried(UncarriedKind.Msr, KnownMsrs.Describe(index), Unnamed, HexText.Of(one & rest), HexText.Of(other & rest));
            }
        }
    }

    private static IEnumerable<(ulong Mask, int Low, string Place, string Names)> FieldsOf(uint index)
        => VmxCapabilityField.Of(index) is { Count: > 0 } vmx
            ? vmx.Select(static field => (field.Mask, field.Low, field.Where, field.Names))
            : (KnownMsrs.Find(index)?.Bits ?? []).Select(static bits => (bits.Mask, bits.Low, bits.Place(), bits.Names()));

    private static IEnumerable<Uncarried> Settings(GuestContract promised, GuestContract carried)
    {
        (string Name, string One, string Other)[] all =
        [
            ("confidential", promised.Confidential ?? Absent, carried.Confidential ?? Absent),
            ("enlightenedVmcs", Word(promised.EnlightenedVmcs), Word(carried.EnlightenedVmcs)),
            ("guestPermission", XFeatureTable.Names(promised.GuestPermission), XFeatureTable.Names(carried.GuestPermission)),
            ("machineType", promised.MachineType ?? Absent, carried.MachineType ?? Absent),
            ("settings.disabledQuirks", HexText.Of(promised.Settings.DisabledQuirks), HexText.Of(carried.Settings.DisabledQuirks)),
            ("settings.enforceHypervCpuid", Word(promised.Settings.EnforceHypervCpuid), Word(carried.Settings.EnforceHypervCpuid)),
            ("settings.enforcePvFeatureCpuid", Word(promised.Settings.EnforcePvFeatureCpuid), Word(carried.Settings.EnforcePvFeatureCpuid)),
            ("settings.exceptionPayload", Word(promised.Settings.ExceptionPayload), Word(carried.Settings.ExceptionPayload)),
            ("settings.tripleFaultEvent", Word(promised.Settings.TripleFaultEvent), Word(carried.Settings.TripleFaultEvent)),
            ("settings.x2ApicApi", HexText.Of(promised.Settings.X2ApicApi), HexText.Of(carried.Settings.X2ApicApi)),
            ("tscKhz", Khz(promised.TscKhz), Khz(carried.TscKhz)),
        ];
        return all.Where(static setting => setting.One != setting.Other)
            .Select(static setting => new Uncarried(UncarriedKind.Setting, setting.Name, "", setting.One, setting.Other));
    }

    private static string Number(ulong value, bool isBit) => isBit ? value.ToString(CultureInfo.InvariantCulture) : HexText.Of(value);

    private static string Word(bool on) => on ? "true" : "false";

    private static string Khz(uint? value) => value?.ToString(CultureInfo.InvariantCulture) ?? Absent;
}
