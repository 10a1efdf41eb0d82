using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Models;

namespace Portolan.Formats.QemuCpu;

/// <summary>
/// The argument of QEMU's <c>-cpu</c>: a model and properties. <c>+feature</c> and <c>-feature</c> count after every
/// <c>feature=on|off</c>, wherever they stand, and all minuses after all pluses (x86_cpu_parse_featurestr).
/// </summary>
public static class QemuCpuParser
{
    /// <summary>How a fault calls the input.</summary>
    public const string Place = "-cpu";

    /// <summary>The longest argument that is read.</summary>
    public const int LongestText = 64 << 10;

    private const int Kilo = 1000; // QEMU reads tsc-freq's units as powers of 1000

    private static readonly ImmutableArray<string> On = ["on", "yes", "true", "y"];

    private static readonly ImmutableArray<string> Off = ["off", "no", "false", "n"];

    /// <summary>Reads the argument; the fault names the place, counted in characters, and what stands there.</summary>
    public static Reading<QemuCpuRequest> Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestText)
        {
            return Refuse(LongestText, $"at most {LongestText} characters", $"{text.Length}", "check that this is the right text");
        }

        int comma = text.IndexOf(',', StringComparison.Ordinal);
        string name = comma < 0 ? text : text[..comma];
        if (Start(name) is not { } request)
        {
            return Refuse(0, "a CPU model of QEMU, or host, max, base", name.Length == 0 ? "nothing" : $"'{Printable.OneLine(name)}'", Nearest(name));
        }

        Options options = new();
        for (int at = comma + 1; comma >= 0 && at <= text.Length;)
        {
            int end = text.IndexOf(',', at) is var next and >= 0 ? next : text.Length;
            if (end > at && options.Add(text[at..end], at) is { } fault)
            {
                return Reading.Refused<QemuCpuRequest>(fault);
            }

            at = end + 1;
        }

        return Reading.Of(request with { Features = options.Features(), Settings = options.Settings.ToImmutable() });
    }

    /// <summary>The request for a model by name, without properties; null where QEMU has no such model.</summary>
    public static QemuCpuRequest? Start(string name) => name switch
    {
        "host" or "max" => new QemuCpuRequest { Base = QemuCpuBase.Host },
        "base" => new QemuCpuRequest { Base = QemuCpuBase.Nothing },
        _ => CpuModelTable.TryFind(CpuModelOrigin.Qemu, TypeName(name), out CpuModel? model) ? new QemuCpuRequest { Base = QemuCpuBase.Model, Model = model } : null,
    };

    /// <summary>QEMU takes the type's name for the model's, too: <c>EPYC-v4-x86_64-cpu</c>.</summary>
    private static string TypeName(string name)
        => name.EndsWith("-x86_64-cpu", StringComparison.Ordinal) ? name[..^"-x86_64-cpu".Length] : name;

    private static string Nearest(string name)
    {
        CpuModel[] alike = [.. CpuModelTable.Of(CpuModelOrigin.Qemu).Where(model => model.Version == 1 && model.Family.Equals(name, StringComparison.OrdinalIgnoreCase))];
        CpuModel[] versions = [.. CpuModelTable.Versions(name.LastIndexOf("-v", StringComparison.Ordinal) is var at and > 0 ? name[..at] : name)];
        return alike.Length > 0 ? $"letters' case counts: write {alike[0].Family}"
            : versions.Length > 0 ? $"the versions are {versions[0]} to {versions[^1]}"
            : "write one of those that 'qemu-system-x86_64 -cpu help' lists";
    }

    private static Reading<QemuCpuRequest> Refuse(int at, string expected, string found, string advice)
        => Reading.Refused<QemuCpuRequest>(Fault(at, expected, found, advice));

    private static InputFault Fault(int at, string expected, string found, string advice)
        => new(Place, expected, found, advice) { ByteOffset = at };

    /// <summary>The options as they are met.</summary>
    private sealed class Options
    {
        private readonly Dictionary<string, bool> _assigned = new(StringComparer.Ordinal);
        private readonly HashSet<string> _plus = new(StringComparer.Ordinal);
        private readonly HashSet<string> _minus = new(StringComparer.Ordinal);

        public ImmutableSortedDictionary<string, string>.Builder Settings { get; } = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);

        public ImmutableSortedDictionary<string, bool> Features()
        {
            Dictionary<string, bool> all = new(_assigned, StringComparer.Ordinal);
            foreach (string name in _plus)
            {
                all[name] = true;
            }

            foreach (string name in _minus)
            {
                all[name] = false;
            }

            return all.ToImmutableSortedDictionary(StringComparer.Ordinal);
        }

        public InputFault? Add(string option, int at)
        {
            bool signed = option[0] is '+' or '-';
            int equals = signed ? -1 : option.IndexOf('=', StringComparison.Ordinal);
            string name = signed ? option[1..] : equals < 0 ? option : option[..equals];
            if (!signed && name is "tsc-freq" or "tsc_freq")
            {
                return AddFrequency(equals < 0 ? "" : option[(equals + 1)..], at + equals + 1);
            }

            if (!QemuCpuFacts.TryFind(name, out QemuProperty? property))
            {
                return Fault(signed ? at + 1 : at, "a property of QEMU's x86 CPUs", name.Length == 0 ? "nothing" : $"'{Printable.OneLine(name)}'", "check its spelling; 'qemu-system-x86_64 -cpu help' lists the features");
            }

            if (signed)
            {
                return AddSigned(property, option[0] == '+', at);
            }

            string value = equals < 0 ? "on" : option[(equals + 1)..];
            return property.IsOnOff ? AddSwitch(property, value, at + equals + 1) : AddValue(property, value, at + Math.Max(equals, 0) + 1);
        }

        private InputFault? AddSigned(QemuProperty property, bool on, int at)
        {
            if (!property.IsOnOff)
            {
                return Fault(at, "a feature that is on or off after the sign", $"'{property.Name}', which takes a value", $"write {property.Name}=VALUE");
            }

            if (property.Kind == QemuPropertyKind.Switch)
            {
                Settings[property.Name] = on ? "on" : "off";
                return null;
            }

            (on ? _plus : _minus).Add(property.Name);
            return null;
        }

        private InputFault? AddSwitch(QemuProperty property, string value, int at)
        {
            bool on = On.Contains(value);
            if (!on && !Off.Contains(value))
            {
                return Fault(at, $"on or off for {property.Name}", $"'{Printable.OneLine(value)}'", "write on or off");
            }

            if (property.Kind == QemuPropertyKind.Switch)
            {
                Settings[property.Name] = on ? "on" : "off";
            }
            else
            {
                _assigned[property.Name] = on;
            }

            return null;
        }

        private InputFault? AddValue(QemuProperty property, string value, int at)
        {
            if (property.Kind == QemuPropertyKind.Text)
            {
                bool tooLong = property.Name == "vendor" && value.Length != 12;
                Settings[property.Name] = value;
                return tooLong ? Fault(at, "a vendor of 12 characters", $"{value.Length}", "write GenuineIntel or AuthenticAMD") : null;
            }

            if (Number(value) is not { } number)
            {
                return Fault(at, $"a number for {property.Name}", $"'{Printable.OneLine(value)}'", property.Kind == QemuPropertyKind.Frequency ? "write Hz, or tsc-freq=2.5G" : "write a decimal or 0x… number");
            }

            if (number > Limit(property))
            {
                return Fault(at, string.Create(CultureInfo.InvariantCulture, $"at most {Limit(property)} for {property.Name}"), value, "write a smaller number");
            }

            Settings[property.Name] = number.ToString(CultureInfo.InvariantCulture);
            return null;
        }

        /// <summary>QEMU's own bounds, where they are tighter than 32 bits.</summary>
        private static ulong Limit(QemuProperty property) => property.Name switch
        {
            "stepping" => 15,
            "model" => 255,
            "family" => 255 + 15,
            "phys-bits" or "guest-phys-bits" => 52,
            "host-phys-bits-limit" or "avx10-version" => 255,
            "lbr-fmt" or "ucode-rev" => ulong.MaxValue,
            "tsc-frequency" => long.MaxValue,
            _ => uint.MaxValue,
        };

        private InputFault? AddFrequency(string value, int at)
        {
            int digits = value.Length > 0 && !char.IsAsciiDigit(value[^1]) ? value.Length - 1 : value.Length;
            int power = digits == value.Length ? 0 : "BKMGTPE".IndexOf(char.ToUpperInvariant(value[^1]), StringComparison.Ordinal);
            if (power < 0 || !decimal.TryParse(value.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
                || number >= long.MaxValue / (decimal)Math.Pow(Kilo, power))
            {
                return Fault(at, "a frequency for tsc-freq", $"'{Printable.OneLine(value)}'", "write Hz, or a number with K, M or G");
            }

            Settings["tsc-frequency"] = decimal.ToInt64(number * (decimal)Math.Pow(Kilo, power)).ToString(CultureInfo.InvariantCulture);
            return null;
        }

        private static ulong? Number(string text)
            => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hexadecimal) ? hexadecimal : null
                : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;
    }
}
