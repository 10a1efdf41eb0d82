using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>Of which bits a prediction says anything else than what was seen: another release's rows, or those a parameter decides.</summary>
internal sealed class CpuidChanges
{
    private readonly Exposure _there;
    private readonly Exposure _target;
    private readonly string? _parameter;

    private CpuidChanges(Exposure there, Exposure target, string? parameter)
    {
        _there = there;
        _target = target;
        _parameter = parameter;
    }

    /// <summary>Another release.</summary>
    internal static CpuidChanges Between(Exposure there, Exposure target) => new(there, target, null);

    /// <summary>The same release with another value of one module parameter.</summary>
    internal static CpuidChanges OfParameter(Exposure exposure, string parameter) => new(exposure, exposure, parameter);

    /// <summary>Does the row say anything else?</summary>
    internal bool Affects(ExposureRow row)
        => _parameter is { } parameter ? DependsOn(row, parameter) : _there.Contains(row) != _target.Contains(row);

    /// <summary>The bits of a register about which something else is said.</summary>
    internal uint Bits(uint leaf, uint subleaf, CpuidRegister register) => _parameter is { } parameter
        ? _target.Word(leaf, subleaf, register).Where(row => DependsOn(row.Row, parameter)).Aggregate(0u, (mask, row) => mask | row.Mask)
        : _there.ChangedBits(_target, leaf, subleaf, register);

    /// <summary>Is the register a number rather than a set of bits?</summary>
    internal bool IsNumber(uint leaf, uint subleaf, CpuidRegister register)
        => _there.Word(leaf, subleaf, register).Concat(_target.Word(leaf, subleaf, register)).Any(row => row.Mask == uint.MaxValue);

    private static bool DependsOn(ExposureRow row, string parameter)
        => row.When.Any(condition => condition.Kind == ConditionKind.Param && condition.Name == parameter);
}
