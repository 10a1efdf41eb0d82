using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Testing;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Tests;

/// <summary>Recorded CPUID tables of real hosts, from the inputs beside the repository.</summary>
internal static partial class Recorded
{
    /// <summary>What KVM offered a guest on this CPU under this kernel, <c>INTEL_SAPPHIRE_RAPIDS_6.1</c>.</summary>
    internal static CpuidTable Fingerprint(string name)
        => Parse(Path.Combine(Repository.SharedData("firecracker-fingerprints"), $"fingerprint_{name}host.json"));

    /// <summary>Every recorded fingerprint with its name.</summary>
    internal static IReadOnlyList<(string Name, CpuidTable Table)> Fingerprints()
        => [.. Directory.EnumerateFiles(Repository.SharedData("firecracker-fingerprints"), "*.json")
            .Order(StringComparer.Ordinal)
            .Select(path => (Path.GetFileNameWithoutExtension(path), Parse(path)))];

    /// <summary>The first logical processor of an InstLatx64 dump: the hardware's own CPUID.</summary>
    internal static CpuidTable Hardware(string file)
    {
        Dictionary<CpuidAddress, CpuidEntry> rows = [];
        foreach (string line in File.ReadLines(Path.Combine(Repository.SharedData("instlatx64"), file)))
        {
            Match match = DumpLine().Match(line);
            if (match.Success)
            {
                uint[] words = [.. Enumerable.Range(1, 6).Select(i => Hex(match.Groups[i].Value))];
                CpuidAddress address = new(words[0], words[5]);
                if (!rows.TryAdd(address, new(address, match.Groups[6].Success, new(words[1], words[2], words[3], words[4]))))
                {
                    break;
                }
            }
        }

        return CpuidTable.From(rows.Values);
    }

    private static CpuidTable Parse(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        List<CpuidEntry> entries = [];
        foreach (JsonElement leaf in document.RootElement.GetProperty("guest_cpu_config").GetProperty("cpuid_modifiers").EnumerateArray())
        {
            CpuidAddress address = new(Number(leaf.GetProperty("leaf")), Number(leaf.GetProperty("subleaf")));
            CpuidValues values = default;
            foreach (JsonElement modifier in leaf.GetProperty("modifiers").EnumerateArray())
            {
                CpuidRegister register = Enum.Parse<CpuidRegister>(modifier.GetProperty("register").GetString()!, ignoreCase: true);
                values = values.With(register, Number(modifier.GetProperty("bitmap")));
            }

            entries.Add(new(address, (leaf.GetProperty("flags").GetInt32() & 1) != 0, values));
        }

        return CpuidTable.From(entries);
    }

    private static uint Number(JsonElement element)
    {
        string text = element.GetString()!;
        return text.StartsWith("0b", StringComparison.Ordinal)
            ? uint.Parse(text.AsSpan(2), NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture)
            : Hex(text[2..]);
    }

    private static uint Hex(string text)
        => text.Length == 0 ? 0 : uint.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex("^CPUID ([0-9A-F]{8}): ([0-9A-F]{8})-([0-9A-F]{8})-([0-9A-F]{8})-([0-9A-F]{8})(?: \\[SL ([0-9A-F]{2})\\])?")]
    private static partial Regex DumpLine();
}
