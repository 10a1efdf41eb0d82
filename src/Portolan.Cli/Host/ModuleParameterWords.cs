using System.Collections.Immutable;
using Portolan.Kvm.Modules;

namespace Portolan.Cli.Host;

/// <summary>What was written behind <c>--module-parameter</c>: names and values, each value as the module shows it.</summary>
internal static class ModuleParameterWords
{
    /// <summary>The option's name.</summary>
    public const string Option = "--module-parameter";

    /// <summary>The parameters by name; what is wrong with the first that is wrong.</summary>
    public static ImmutableSortedDictionary<string, string> Read(IEnumerable<string> words, out string? wrong)
    {
        ImmutableSortedDictionary<string, string>.Builder parameters = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        wrong = null;
        foreach (string word in words)
        {
            int at = word.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || word.IndexOf('.', StringComparison.Ordinal) is var dot && (dot <= 0 || dot >= at - 1))
            {
                wrong ??= $"{Option} {word}: expected module.parameter=value, as in kvm_intel.nested=0";
                continue;
            }

            (string name, string value) = (word[..at], word[(at + 1)..]);
            ModuleParameter? known = ModuleParameterTable.Find(name);
            if (known is not null && known.Read(value) is null)
            {
                wrong ??= $"{Option} {word}: {name} takes {known.Takes}";
                continue;
            }

            value = known?.Read(value) ?? value;
            if (!parameters.TryAdd(name, value) && parameters[name] != value)
            {
                wrong ??= $"{Option} {word}: {name}={value} and {name}={parameters[name]} cannot both be";
            }
        }

        return parameters.ToImmutable();
    }

    /// <summary>A remark for each parameter of which nothing is known: it is kept, and nothing follows from it.</summary>
    public static IEnumerable<string> Remarks(ImmutableSortedDictionary<string, string> parameters)
        => parameters.Keys.Where(static name => ModuleParameterTable.Find(name) is null)
            .Select(static name => $"{Option} {name}: no parameter of that name is known; its value is kept as it stands, and nothing follows from it");
}
