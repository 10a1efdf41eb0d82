using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>KVM_GET_SUPPORTED_CPUID as one release answers on one CPU, register by register (arch/x86/kvm/cpuid.c).</summary>
internal sealed class ShownCpuid
{
    private const uint XsaveLeaf = 0xd;
    private const uint FourLevelBits = 48;

    private readonly Exposure _exposure;
    private readonly Conditions _conditions;

    internal ShownCpuid(Exposure exposure, Conditions conditions, bool? dynamicPermitted)
    {
        _exposure = exposure;
        _conditions = conditions;
        Xsave = new ShownXsave(exposure, conditions, dynamicPermitted);
    }

    internal ShownXsave Xsave { get; }

    internal KnownBits Word(uint leaf, uint subleaf, CpuidRegister register)
    {
        if (leaf == XsaveLeaf && (subleaf, register) is not (1, CpuidRegister.Eax))
        {
            return Xsave.Word(subleaf, register, Shown("xfd"));
        }

        KnownBits shown = KnownBits.Zero;
        foreach (WordRow word in _exposure.Word(leaf, subleaf, register))
        {
            KnownBits part = Part(word, leaf, subleaf, register).Within(word.Mask);
            shown |= Where(_conditions.Hold(word.Row), part);
        }

        return shown;
    }

    /// <summary>The subleaves of a leaf that the CPU is known to have.</summary>
    internal IEnumerable<uint> CpuSubleaves(uint leaf) => _conditions.Hardware.Subleaves(leaf);

    /// <summary>Is the named bit shown?</summary>
    internal bool? Shown(string name)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        return Word(feature.Address.Leaf, feature.Address.Subleaf, feature.Register)[feature.LowBit];
    }

    private KnownBits Part(WordRow word, uint leaf, uint subleaf, CpuidRegister register)
    {
        KnownBits cpu = _conditions.Hardware.Word(leaf, subleaf, register);
        return word.Row.Rule switch
        {
            ExposureRule.Host => cpu,
            ExposureRule.Set => KnownBits.Of(uint.MaxValue),
            ExposureRule.Mask => cpu.Within((uint)word.Row.Operand),
            ExposureRule.Const => KnownBits.Of(unchecked((uint)word.Row.Operand << word.LowBit)),
            ExposureRule.Min => Field(word, cpu.Field(word.LowBit, word.Mask) is { } number ? Math.Min(number, (uint)word.Row.Operand) : null),
            ExposureRule.GuestPhys => Field(word, GuestPhysicalBits()),
            _ => KnownBits.Unknown,
        };
    }

    /// <summary>The part where the row's conditions hold; zero where they do not; only its zeros where they are not known.</summary>
    private static KnownBits Where(bool? holds, KnownBits part) => holds switch
    {
        true => part,
        false => KnownBits.Zero,
        null => new KnownBits(0, part.Known & ~part.Value),
    };

    private static KnownBits Field(WordRow word, uint? number)
        => number is { } value ? KnownBits.Of(unchecked(value << word.LowBit)) : KnownBits.Unknown;

    /// <summary>Five-level TDP goes with LA57 on Intel; on AMD it is the host kernel's choice.</summary>
    private uint? GuestPhysicalBits()
    {
        Hardware cpu = _conditions.Hardware;
        uint? width = cpu.Number("phys-bits");
        if (width is null or <= FourLevelBits)
        {
            return width;
        }

        return cpu.Vendor == CpuidVendor.Intel && cpu.Has("la57") is { } fiveLevels ? (fiveLevels ? width : FourLevelBits) : null;
    }
}
