using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>
/// Module parameters as on or off: what the snapshot says; else what a bit shows that exactly one parameter decides; else the
/// module's default.
/// </summary>
internal sealed class Parameters
{
    private static readonly string[] Off = ["0", "N", "n"];

    private readonly Dictionary<string, bool> _known = new(StringComparer.Ordinal);

    internal static Parameters Defaults { get; } = new();

    internal static Parameters Of(HostSnapshot host, Exposure? shownBy)
    {
        Parameters parameters = new();
        foreach (ExposureRow row in shownBy?.Of(ExposureKind.Bit) ?? [])
        {
            if (row is { Rule: ExposureRule.Set, When: [{ Kind: ConditionKind.Param, Negated: false } only] }
                && host.SupportedCpuid?.Value is { } shown
                && FeatureTable.Get(row.Subject) is { } feature
                && shown.TryGet(feature.Address.Leaf, feature.Address.Subleaf, out CpuidValues values)
                && ((host.UnknownCpuidBits?.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf)[feature.Register] ?? 0) & feature.RegisterMask) == 0)
            {
                parameters._known[only.Name] = feature.ValueIn(values) != 0;
            }
        }

        foreach ((string name, string value) in host.ModuleParameters?.Value ?? ImmutableSortedDictionary<string, string>.Empty)
        {
            parameters._known[name] = !Off.Contains(value);
        }

        return parameters;
    }

    /// <summary>The same parameters with one set.</summary>
    internal Parameters With(string name, string value)
    {
        Parameters with = new();
        foreach ((string known, bool on) in _known)
        {
            with._known[known] = on;
        }

        with._known[name] = !Off.Contains(value);
        return with;
    }

    internal bool? IsOn(string name)
    {
        if (_known.TryGetValue(name, out bool on))
        {
            return on;
        }

        ExposureRow? row = ExposureTable.All.FirstOrDefault(row => row.Kind == ExposureKind.Parameter && row.Subject == name);
        return row is { Rule: ExposureRule.Const } ? row.Operand != 0 : null;
    }
}
