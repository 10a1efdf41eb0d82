using Portolan.Kvm.Guest;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Testing.RandomCases;

/// <summary>Random changes of a guest's contract.</summary>
public static class GuestChanges
{
    private const uint Filler = 0x8fffff00;

    /// <summary>One of the changes.</summary>
    public static Change<GuestContract> Next(CaseRandom random) => random.Below(16) switch
    {
        0 => Feature(HostChanges.AnyFeature(random), 0),
        1 => Feature(HostChanges.AnyFeature(random), 1),
        2 or 3 => Settings(random),
        4 => Tsc(random.Of(2_445_403u, 2_445_700u, 2_400_000u, 3_499_912u, 3_600_000u)),
        5 or 6 => FeatureMsr(random.Bits()),
        7 => NoFeatureMsrs(random.Bits()),
        8 => Xcr0(random.Of(1UL << 2, 1UL << 3, 1UL << 5, 1UL << 9, 1UL << 17, 1UL << 18)),
        9 => random.Percent(50) ? NoLeaf : Xss(random.Of(0UL, 0x800UL, 0x1800UL)),
        10 => Widths((uint)random.Of(36, 39, 46, 48, 52), random.Of(0x30u, 0x30u, 0x39u, 0u, 0x32u)),
        11 => new("eVMCS", static guest => guest with { EnlightenedVmcs = !guest.EnlightenedVmcs }),
        12 => Permission(random.Of(0UL, 1UL << 18, 1UL << 18, 3UL << 17, 1UL << 40)),
        13 => random.Percent(60) ? Entries(random.Of(90, 200, 300)) : NoHyperv,
        14 => Feature(FeatureTable.Get("lm"), 0),
        _ => Feature(FeatureTable.Get("xsave"), 0),
    };

    private static Change<GuestContract> NoLeaf { get; } = Cpuid("no leaf 0DH", static table => table.Without(entry => entry.Address.Leaf == XsaveLeaf.Leaf));

    private static Change<GuestContract> NoHyperv { get; } = Cpuid("no Hyper-V interface", static table => table.Without(entry => entry.Address.Leaf == 0x40000001));

    private static Change<GuestContract> Cpuid(string name, Func<CpuidTable, CpuidTable> edit) => new(name, guest => guest with { Cpuid = edit(guest.Cpuid) });

    private static Change<GuestContract> Feature(CpuidFeature feature, uint value) => Cpuid($"{feature.Name}={value}", table => table.WithValue(feature, value));

    private static Change<GuestContract> Widths(uint physical, uint linear) => Cpuid($"{physical} physical bits, {linear} linear", table => HostChanges.Widths(table, physical, linear));

    private static Change<GuestContract> Xcr0(ulong bits) => Cpuid($"XCR0 mask ^{bits:x}", table =>
    {
        CpuidValues leaf = table.GetOrZero(XsaveLeaf.Leaf);
        return table.With(new CpuidEntry(new CpuidAddress(XsaveLeaf.Leaf, 0), true, leaf with { Eax = leaf.Eax ^ (uint)bits }));
    });

    private static Change<GuestContract> Xss(ulong bits) => Cpuid($"IA32_XSS mask {bits:x}", table =>
    {
        CpuidValues leaf = table.GetOrZero(XsaveLeaf.Leaf, 1);
        return table.With(new CpuidEntry(new CpuidAddress(XsaveLeaf.Leaf, 1), true, leaf with { Eax = leaf.Eax | 0xf, Ecx = (uint)bits }));
    });

    private static Change<GuestContract> Entries(int count) => Cpuid($"{count} CPUID entries", table =>
    {
        CpuidTable filled = table;
        for (uint i = 0; filled.Count < count; i++)
        {
            filled = filled.With(Filler + i, 0, default);
        }

        return filled;
    });

    private static Change<GuestContract> Settings(CaseRandom random)
    {
        VmSettings settings = new(
            random.Of(0UL, 0UL, 0UL, 1UL, 0x100UL, 0x200UL, 0x400UL, 0x1000UL), random.Of(0UL, 0UL, 1UL, 3UL, 4UL), random.Percent(40), random.Percent(40), random.Percent(40), random.Percent(40));
        return new($"{settings}", guest => guest with { Settings = settings });
    }

    private static Change<GuestContract> Tsc(uint khz) => new($"{khz} kHz", guest => guest with { TscKhz = khz });

    private static Change<GuestContract> Permission(ulong mask) => new($"permission {mask:x}", guest => guest with { GuestPermission = new XFeatureMask(mask) });

    private static Change<GuestContract> FeatureMsr(ulong seed) => new($"a feature MSR changed ({seed:x})", guest =>
    {
        CaseRandom random = new(seed);
        MsrValue[] rows = [.. guest.FeatureMsrs];
        if (rows.Length == 0 || random.Percent(15))
        {
            uint index = random.Of(0x10au, 0x345u, 0x8bu, 0xceu, 0xc0011029u, 0x48bu, 0x485u, 0x122u);
            return guest with { FeatureMsrs = guest.FeatureMsrs.With(index, random.Of(0UL, 1UL, random.Bit())) };
        }

        MsrValue row = random.Pick(rows);
        return guest with { FeatureMsrs = guest.FeatureMsrs.With(row.Index, random.Percent(10) ? 0 : row.Value ^ random.Bit()) };
    });

    private static Change<GuestContract> NoFeatureMsrs(ulong seed) => new($"some feature MSRs left to KVM ({seed:x})", guest =>
    {
        CaseRandom random = new(seed);
        int share = random.Of(1, 2, 5);
        return guest with { FeatureMsrs = MsrTable.From(guest.FeatureMsrs.Where(_ => random.Below(share) != 0)) };
    });
}
