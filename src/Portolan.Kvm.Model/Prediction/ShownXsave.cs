using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>A set of XSAVE components of which some are known to be in or out.</summary>
internal readonly record struct KnownComponents(XFeatureMask Set, XFeatureMask Known)
{
    /// <summary>The set, if every component KVM may support is known.</summary>
    internal XFeatureMask? Complete => Known.Bits == ulong.MaxValue ? Set : null;

    internal bool? this[int component] => Known[component] ? Set[component] : null;
}

/// <summary>The XSAVE components that one release supports on one CPU, and CPUID leaf 0DH with them.</summary>
internal sealed class ShownXsave
{
    private const uint XsaveLeaf = 0xd;
    private const uint HeaderEnd = 576;
    private const uint Alignment = 64;
    private const int ConfigComponent = 17;
    private const int DynamicComponent = 18;
    private const int AlignedBit = 1;
    private const uint XfdMask = 1 << 2;
    private const int WordBits = 32;

    private readonly Conditions _conditions;

    internal ShownXsave(Exposure exposure, Conditions conditions, bool? dynamicPermitted)
    {
        _conditions = conditions;
        Supported = Collect(exposure, ExposureKind.Xfeature, row => CpuHas(row.Bit, 0, row.Bit < WordBits ? CpuidRegister.Eax : CpuidRegister.Edx));
        SupportedXss = Collect(exposure, ExposureKind.Xss, row => CpuHas(row.Bit, 1, row.Bit < WordBits ? CpuidRegister.Ecx : CpuidRegister.Edx));
        Permitted = Permit(Supported, dynamicPermitted);
    }

    /// <summary>S: what SET_XSAVE can ever accept (contract 1.6).</summary>
    internal KnownComponents Supported { get; }

    /// <summary>S without what the process was not permitted to give to guests (contract X9).</summary>
    internal KnownComponents Permitted { get; }

    internal KnownComponents SupportedXss { get; }

    /// <summary>Bytes of the standard format, if the components and their layout are known.</summary>
    internal uint? StandardSize => Size(Permitted.Complete, compacted: false);

    internal KnownBits Word(uint subleaf, CpuidRegister register, bool? xfdShown) => (subleaf, register) switch
    {
        (0, CpuidRegister.Eax) => Half(Permitted, 0),
        (0, CpuidRegister.Edx) => Half(Permitted, WordBits),
        (0, _) => Number(StandardSize),
        (1, CpuidRegister.Ebx) => Number(Size(Permitted.Complete is { } user && SupportedXss.Complete is { } supervisor ? user | supervisor : null, compacted: true)),
        (1, CpuidRegister.Ecx) => Half(SupportedXss, 0),
        (1, _) => Half(SupportedXss, WordBits),
        (_, CpuidRegister.Edx) => KnownBits.Zero,
        _ => Layout(subleaf, register, xfdShown),
    };

    /// <summary>Is the component's subleaf shown?</summary>
    internal bool? Shows(int component) => Either(Permitted[component], SupportedXss[component]);

    private static bool? Either(bool? left, bool? right) => left == true || right == true ? true : left is null || right is null ? null : false;

    private static KnownBits Half(KnownComponents components, int shift)
        => new(unchecked((uint)(components.Set.Bits >> shift)), unchecked((uint)(components.Known.Bits >> shift)));

    private static KnownBits Number(uint? number) => number is { } value ? KnownBits.Of(value) : KnownBits.Unknown;

    private static KnownComponents Permit(KnownComponents supported, bool? dynamicPermitted)
    {
        XFeatureMask dynamic = XFeatureMask.Of(ConfigComponent) | XFeatureMask.Of(DynamicComponent);
        return dynamicPermitted == false ? new(supported.Set.Except(dynamic), supported.Known | dynamic) : supported;
    }

    private KnownBits Layout(uint subleaf, CpuidRegister register, bool? xfdShown)
    {
        KnownBits cpu = _conditions.Hardware.Word(XsaveLeaf, subleaf, register);
        if (register == CpuidRegister.Ecx && xfdShown != true)
        {
            cpu = xfdShown == false ? cpu.Within(~XfdMask) : cpu.With(XfdMask, new KnownBits(0, ~cpu.Value & cpu.Known));
        }

        return Shows((int)subleaf) switch
        {
            true => cpu,
            false => KnownBits.Zero,
            null => new KnownBits(0, cpu.Known & ~cpu.Value),
        };
    }

    private KnownComponents Collect(Exposure exposure, ExposureKind kind, Func<ExposureRow, bool?> cpuHas)
    {
        ulong set = 0;
        ulong known = ulong.MaxValue;
        foreach (ExposureRow row in exposure.Of(kind))
        {
            bool? holds = _conditions.Hold(row);
            bool? has = holds == false ? false : cpuHas(row) switch
            {
                false => false,
                true when holds == true => true,
                _ => null,
            };
            set |= has == true ? 1UL << row.Bit : 0;
            known &= has is null ? ~(1UL << row.Bit) : ulong.MaxValue;
        }

        return new(new XFeatureMask(set), new XFeatureMask(known));
    }

    private bool? CpuHas(int component, uint subleaf, CpuidRegister register)
        => _conditions.Hardware.Word(XsaveLeaf, subleaf, register)[component % WordBits];

    private uint? Size(XFeatureMask? components, bool compacted)
    {
        if (components is not { } set)
        {
            return null;
        }

        uint end = HeaderEnd;
        foreach (int component in set.Except(XFeatureMask.Legacy).Components())
        {
            KnownBits size = _conditions.Hardware.Word(XsaveLeaf, (uint)component, CpuidRegister.Eax);
            KnownBits offset = _conditions.Hardware.Word(XsaveLeaf, (uint)component, CpuidRegister.Ebx);
            bool? aligned = _conditions.Hardware.Word(XsaveLeaf, (uint)component, CpuidRegister.Ecx)[AlignedBit];
            if (!size.IsComplete || !offset.IsComplete || aligned is null)
            {
                return null;
            }

            uint start = compacted ? (aligned.Value ? (end + Alignment - 1) / Alignment * Alignment : end) : offset.Value;
            end = Math.Max(end, start + size.Value);
        }

        return end;
    }
}
