using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Portolan.Documents.Json;
using Portolan.Formats.Named;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.Qmp;

/// <summary>What the replies tell of the CPU that KVM shows.</summary>
internal sealed class QmpCpu
{
    private const uint BrandLeaf = 0x80000002;
    private const uint BrandLeaves = 3;
    private static readonly string[] HostModels = ["max", "host", "base"];

    /// <summary>The property of the CPUID bit that announces a feature MSR (QEMU target/i386/cpu.c, feature_dependencies).</summary>
    private static readonly Dictionary<uint, string> Gates = new()
    {
        [MsrIndex.Ia32ArchCapabilities] = "arch-capabilities",
        [MsrIndex.Ia32CoreCapabilities] = "core-capability",
        [MsrIndex.Ia32PerfCapabilities] = "pdcm",
    };

    private readonly SortedSet<string> _unknown = new(StringComparer.Ordinal);

    public QmpCpu(QmpAnswers answers)
    {
        ModelExpansion[] expansions = [.. answers.Expansions.Where(static one => HostModels.Contains(one.Model))];
        foreach (ModelExpansion expansion in expansions)
        {
            Take(expansion.Properties);
        }

        Asked = expansions.Length == 0 ? "no expansion" : $"the expansion of {string.Join(" and ", expansions.Select(static one => one.Model).Distinct(StringComparer.Ordinal))}";
        if (expansions.Length > 0)
        {
            foreach (string name in answers.Definitions.SelectMany(static model => model.Unavailable).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                TakeUnavailable(name);
            }
        }
    }

    /// <summary>The bits.</summary>
    public NamedCpu Cpu { get; } = new();

    /// <summary>Which expansions there were, for the evidence.</summary>
    public string Asked { get; }

    /// <summary>How many properties told something.</summary>
    public int Told { get; private set; }

    /// <summary>Properties that nothing here knows.</summary>
    public IReadOnlyCollection<string> Unknown => _unknown;

    private void Take(JsonValue properties)
    {
        HashSet<string> set = [.. properties.Members.Where(static member => member.Value.Text == "true").Select(static member => QemuProperties.Of(member.Name).Name)];
        foreach (JsonMember member in properties.Members)
        {
            QmpProperty property = QemuProperties.Of(member.Name);
            if (member.Value.Kind != JsonKind.Boolean || property.Meaning == PropertyMeaning.Setting)
            {
                continue;
            }

            if (!NamedPlaces.Qemu.TryGetValue(property.Name, out NamedPlaces? places))
            {
                if (!property.Name.StartsWith("hv-", StringComparison.Ordinal) && !property.Name.StartsWith("x-hv-", StringComparison.Ordinal))
                {
                    _unknown.Add(member.Name);
                }

                continue;
            }

            bool answer = member.Value.Text == "true";
            if (property.Tells(answer) && !IsCleared(places, set))
            {
                Cpu.Tell(property.Name, places, answer);
                Told++;
            }
        }

        TakeNumbers(properties);
    }

    private void TakeUnavailable(string spelled)
    {
        QmpProperty property = QemuProperties.Of(spelled);
        if (property.Tells(answer: false) && NamedPlaces.Qemu.TryGetValue(property.Name, out NamedPlaces? places) && places.Msr.Length == 0 && places.Vmx.Length == 0)
        {
            Cpu.Tell(property.Name, places, has: false);
        }
    }

    private void TakeNumbers(JsonValue properties)
    {
        if (properties["vendor"] is { Kind: JsonKind.String, Text.Length: 12 } vendor)
        {
            Cpu.TellVendor(vendor.Text);
            if (vendor.Text is "GenuineIntel" or "AuthenticAMD" or "HygonGenuine")
            {
                Cpu.RepeatLeaf1(vendor.Text != "GenuineIntel");
            }
        }

        if (Number(properties, "family") is { } family && Number(properties, "model") is { } model && Number(properties, "stepping") is { } stepping)
        {
            Cpu.TellSignature(family, model, stepping);
        }

        Tell(properties, "level", "max-basic-leaf");
        Tell(properties, "xlevel", "max-extended-leaf");
        if (Number(properties, "phys-bits") is > 0 and < 64 and { } width)
        {
            Cpu.Tell("phys-bits", width);
        }

        if (properties["model-id"] is { Kind: JsonKind.String, Text.Length: > 0 } brand)
        {
            TellBrand(brand.Text);
        }
    }

    private void Tell(JsonValue properties, string property, string field)
    {
        if (Number(properties, property) is > 0 and { } value)
        {
            Cpu.Tell(field, value);
        }
    }

    /// <summary>The brand string's leaves; JSON ends it at the first NUL, so that what follows is not known.</summary>
    private void TellBrand(string brand)
    {
        byte[] letters = new byte[BrandLeaves * 16];
        int length = Math.Min(Encoding.ASCII.GetBytes(brand, 0, Math.Min(brand.Length, letters.Length), letters, 0), letters.Length);
        for (int at = 0; at < length; at += sizeof(uint))
        {
            int known = Math.Min(length - at, sizeof(uint));
            uint mask = known == sizeof(uint) ? uint.MaxValue : (1u << (known * 8)) - 1;
            Cpu.Learn(new CpuidAddress(BrandLeaf + (uint)at / 16, 0), (CpuidRegister)(at / sizeof(uint) % 4), BinaryPrimitives.ReadUInt32LittleEndian(letters.AsSpan(at)), mask);
        }
    }

    /// <summary>Does the name stand for bits of MSRs whose CPUID bit is off? QEMU clears them then, whatever KVM has in the MSR.</summary>
    private static bool IsCleared(NamedPlaces places, HashSet<string> set)
        => (places.Vmx.Length > 0 && !set.Contains("vmx"))
            || places.Msr.Any(bits => Gates.TryGetValue(bits.Msr, out string? gate) && !set.Contains(gate));

    private static uint? Number(JsonValue properties, string name)
        => properties[name] is { Kind: JsonKind.Number } number && uint.TryParse(number.Text, NumberStyles.None, CultureInfo.InvariantCulture, out uint value) ? value : null;
}
