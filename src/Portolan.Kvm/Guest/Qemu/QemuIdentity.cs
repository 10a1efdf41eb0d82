using System.Text;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>Who a CPU says it is: vendor, family, model, stepping, brand string, levels (cpu_x86_cpuid).</summary>
internal sealed record QemuIdentity
{
    private const int VendorLength = 12;
    private const int BrandLength = 48;
    private const uint ExtendedStart = 0x8000_0000;
    private const uint CentaurStart = 0xc000_0000;
    private const uint ClflushOfEight = 8 << 8; // CLFLUSH line: 8 quadwords

    public required string Vendor { get; init; }

    public required uint Version { get; init; }

    public required string Brand { get; init; }

    public uint Level { get; init; }

    public uint ExtendedLevel { get; init; }

    public uint CentaurLevel { get; init; }

    public uint Level7 { get; init; }

    /// <summary>Leaf 01H EAX of a display family, model and stepping.</summary>
    public static uint Signature(uint family, uint model, uint stepping)
    {
        uint baseFamily = Math.Min(family, 0xf);
        return (family - baseFamily) << 20 | (model & 0xf0) << 12 | baseFamily << 8 | (model & 0xf) << 4 | (stepping & 0xf);
    }

    /// <summary>The table with a field set; a row that is not there is added, significant where the leaf has subleaves.</summary>
    public static CpuidTable Set(CpuidTable table, CpuidFeature field, uint value)
    {
        CpuidAddress at = field.Address;
        CpuidTable roomy = table.Contains(at) ? table : table.With(new CpuidEntry(at, CpuidLeaves.SubleafIsSignificant(at.Leaf), default));
        return roomy.WithValue(field, value);
    }

    /// <summary>The bits of the features, and the leaves that say who the CPU is.</summary>
    public CpuidTable Write(CpuidTable features)
    {
        (uint ebx, uint edx, uint ecx) = VendorWords();
        CpuidValues leaf1 = features.GetOrZero(1);
        CpuidTable table = features
            .With(0, 0, new(Level, ebx, ecx, edx))
            .With(1, 0, leaf1 with { Eax = Version, Ebx = features.Has("clflush") ? ClflushOfEight : 0 });
        if (Level >= 7)
        {
            table = table.With(new CpuidEntry(new CpuidAddress(7, 0), true, table.GetOrZero(7) with { Eax = Level7 }));
        }

        if (ExtendedLevel >= ExtendedStart)
        {
            table = table.With(ExtendedStart, 0, new(ExtendedLevel, ebx, ecx, edx));
            table = ExtendedLevel > ExtendedStart
                ? table.With(ExtendedStart + 1, 0, table.GetOrZero(ExtendedStart + 1) with { Eax = Version })
                : table;
        }

        table = ExtendedLevel >= ExtendedStart + 4 ? WithBrand(table) : table;
        table = CentaurLevel > CentaurStart ? table.With(CentaurStart, 0, new(CentaurLevel, 0, 0, 0)) : table;
        // A row of zeros within the levels says what its absence says.
        return table.Without(entry => !IsReached(entry.Address.Leaf) || (entry.Values == default && !HypervisorLeaves.Owns(entry.Address.Leaf)));
    }

    /// <summary>Is the leaf within the levels? Those of hypervisors always are.</summary>
    private bool IsReached(uint leaf)
        => leaf >= CentaurStart ? leaf <= CentaurLevel : leaf >= ExtendedStart ? leaf <= ExtendedLevel : HypervisorLeaves.Owns(leaf) || leaf <= Level;

    private (uint Ebx, uint Edx, uint Ecx) VendorWords()
    {
        byte[] text = new byte[VendorLength];
        Encoding.ASCII.GetBytes(Vendor.AsSpan(0, Math.Min(Vendor.Length, VendorLength)), text);
        return (BitConverter.ToUInt32(text, 0), BitConverter.ToUInt32(text, 4), BitConverter.ToUInt32(text, 8));
    }

    private CpuidTable WithBrand(CpuidTable table)
    {
        byte[] text = new byte[BrandLength];
        Encoding.ASCII.GetBytes(Brand.AsSpan(0, Math.Min(Brand.Length, BrandLength)), text);
        for (uint leaf = 0; leaf < 3; leaf++)
        {
            int at = (int)leaf * 16;
            table = table.With(ExtendedStart + 2 + leaf, 0, new(
                BitConverter.ToUInt32(text, at), BitConverter.ToUInt32(text, at + 4), BitConverter.ToUInt32(text, at + 8), BitConverter.ToUInt32(text, at + 12)));
        }

        return table;
    }

    /// <summary>The levels raised to what the features need.</summary>
    public QemuIdentity Raised(IEnumerable<QemuProperty> features)
    {
        (uint level, uint extended, uint centaur, uint level7) = (Level, ExtendedLevel, CentaurLevel, Level7);
        foreach (QemuProperty feature in features)
        {
            foreach (uint leaf in QemuCpuFacts.Raises(feature))
            {
                _ = leaf >= CentaurStart ? centaur = Math.Max(centaur, leaf) : leaf >= ExtendedStart ? extended = Math.Max(extended, leaf) : level = Math.Max(level, leaf);
                level7 = leaf == 7 ? Math.Max(level7, feature.Cpuid.Max(bit => bit.Address.Leaf == 7 ? bit.Address.Subleaf : 0)) : level7;
            }
        }

        return this with { Level = level, ExtendedLevel = extended, CentaurLevel = centaur, Level7 = level7 };
    }
}
