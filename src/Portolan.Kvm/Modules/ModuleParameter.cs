using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Kvm.Modules;

/// <summary>The type that a kernel declares a module parameter with (include/linux/moduleparam.h).</summary>
public enum ModuleParameterType
{
    /// <summary>Yes or no, shown as Y or N.</summary>
    Bool,

    /// <summary>Yes or no, shown as 1 or 0.</summary>
    Bint,

    /// <summary>A number of 32 bits with a sign.</summary>
    Int,

    /// <summary>A number of 32 bits.</summary>
    Uint,

    /// <summary>A number of 16 bits.</summary>
    Ushort,
}

/// <summary>A parameter of one of KVM's modules.</summary>
/// <param name="Name">Module and parameter, as in <c>kvm_intel.nested</c>.</param>
/// <param name="Types">Its types; a kernel has one of them, the newest kernels the last.</param>
/// <param name="Words">Words that it takes or shows beside the values of its types.</param>
/// <param name="Source">Where it was read.</param>
public sealed record ModuleParameter(string Name, ImmutableArray<ModuleParameterType> Types, ImmutableArray<string> Words, string Source)
{
    private const int Hexadecimal = 16;
    private const int Octal = 8;
    private const int Decimal = 10;

    /// <summary>What it takes, in words: <c>Y or N (1, 0, on and off too)</c>.</summary>
    public string Takes => string.Join(" or ", Types.Reverse().Select(static type => type switch
    {
        ModuleParameterType.Bool or ModuleParameterType.Bint => "Y or N (1, 0, on and off too)",
        ModuleParameterType.Int => "a number of 32 bits with a sign",
        ModuleParameterType.Uint => "a number of 32 bits",
        _ => "a number of 16 bits",
    }).Concat(Words.IsEmpty ? [] : [string.Join(", ", Words)]));

    /// <summary>
    /// The value as the module shows it, or null where no kernel takes it. Of a bool the letters and words count that every release takes:
    /// the kernel itself looks at the first letter only, and later ones take more letters.
    /// </summary>
    /// <param name="text">The value as somebody wrote it.</param>
    public string? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Words.Contains(text, StringComparer.Ordinal) ? text
            : Types.Reverse().Select(type => Read(type, text)).FirstOrDefault(static value => value is not null);
    }

    /// <inheritdoc/>
    public bool Equals(ModuleParameter? other) => other is not null && Name == other.Name;

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    private static string? Read(ModuleParameterType type, string text) => type switch
    {
        ModuleParameterType.Bool => Boolean(text) is { } on ? (on ? "Y" : "N") : null,
        ModuleParameterType.Bint => Boolean(text) is { } on ? (on ? "1" : "0") : null,
        ModuleParameterType.Int => Number(text, int.MinValue, int.MaxValue),
        ModuleParameterType.Uint => Number(text, uint.MinValue, uint.MaxValue),
        _ => Number(text, ushort.MinValue, ushort.MaxValue),
    };

    private static bool? Boolean(string text) => text switch
    {
        "Y" or "y" or "1" or "on" => true,
        "N" or "n" or "0" or "off" => false,
        _ => null,
    };

    /// <summary>A sign, then 0x and hexadecimal, 0 and octal, or decimal digits (lib/kstrtox.c).</summary>
    private static string? Number(string text, long least, long most)
    {
        bool isNegative = text.StartsWith('-') && least < 0;
        string digits = isNegative || text.StartsWith('+') ? text[1..] : text;
        int radix = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? Hexadecimal : digits is ['0', _, ..] ? Octal : Decimal;
        digits = radix == Hexadecimal ? digits[2..] : digits;
        if (digits.Length == 0)
        {
            return null;
        }

        long value = 0;
        foreach (char digit in digits)
        {
            int one = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), Hexadecimal) : radix;
            if (one >= radix || value > most + 1L)
            {
                return null;
            }

            value = (value * radix) + one;
        }

        value = isNegative ? -value : value;
        return value >= least && value <= most ? value.ToString(CultureInfo.InvariantCulture) : null;
    }
}

/// <summary>The parameters of KVM's modules (data/kvm/module-parameters.tsv). Of one that is not here nothing is known.</summary>
public static partial class ModuleParameterTable
{
    /// <summary>Every row, by name.</summary>
    public static IReadOnlyList<ModuleParameter> All => Rows;

    /// <summary>The parameter with this name, <c>kvm_intel.nested</c>; null where no row has it.</summary>
    public static ModuleParameter? Find(string name) => Array.Find(Rows, row => row.Name == name);
}
