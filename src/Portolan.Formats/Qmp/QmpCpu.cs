using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Portolan.Documents.Json;
using Portolan.Formats.Named;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Formats.Qmp;

/// <summary>What the replies tell of the CPU that KVM shows.</summary>
internal sealed class QmpCpu
{
    private const uint BrandLeaf = 0x80000002;
    private const uint BrandLeaves = 3;
    private static readonly string[] HostModels = ["max", "host", "base"];

    private static readonly CpuidFeature HighestLeaf = FeatureTable.Get("max-basic-leaf");
    private static readonly CpuidFeature HighestExtendedLeaf = FeatureTable.Get("max-extended-leaf");
    private static readonly CpuidFeature PhysicalBits = FeatureTable.Get("phys-bits");

    [ThreadStatic]
    private static List<QmpName?>? s_names; // of one expansion; as long as the longest was

    private readonly List<QmpName?> _names = s_names ??= [];
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
            foreach (ModelDefinition model in answers.Definitions)
            {
                foreach (JsonPlace name in model.Unavailable.EachItem())
                {
                    TakeUnavailable(name);
                }
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
        List<QmpName?> names = _names;
        names.Clear();
        int open = 0;
        foreach (JsonMemberPlace member in properties.EachMember())
        {
            QmpName? name = member.Value.Kind == JsonKind.Boolean ? QmpName.Of(member.Name) : null;
            open |= name is not null && member.Value.IsTrue ? name.Opens : 0;
            names.Add(name);
        }

        int at = 0;
        Numbers numbers = new();
        foreach (JsonMemberPlace member in properties.EachMember())
        {
            QmpName? name = names[at++];
            if (member.Value.Kind != JsonKind.Boolean)
            {
                numbers.Take(member);
            }
            else if (name is null or { Places: null, Property.Meaning: not PropertyMeaning.Setting })
            {
                TakeUnknown(member.Name.Text);
            }
            else if (name.Places is { } places && name.Property.Tells(member.Value.IsTrue) && (name.Needs & ~open) == 0)
            {
                Cpu.Tell(name.Property.Name, places, member.Value.IsTrue);
                Told++;
            }
        }

        Take(numbers);
    }

    private void TakeUnknown(string name)
    {
        string normal = NamedPlaces.Normal(name);
        if (!normal.StartsWith("hv-", StringComparison.Ordinal) && !normal.StartsWith("x-hv-", StringComparison.Ordinal))
        {
            _unknown.Add(name);
        }
    }

    private void TakeUnavailable(JsonPlace spelled)
    {
        if (QmpName.Of(spelled) is { Places: { Msr.Length: 0, Vmx.Length: 0 } places } name && name.Property.Tells(answer: false))
        {
            Cpu.Tell(name.Property.Name, places, has: false);
        }
    }

    private void Take(Numbers numbers)
    {
        if (numbers.Vendor is { Length: 12 } vendor)
        {
            Cpu.TellVendor(vendor);
            if (vendor is "GenuineIntel" or "AuthenticAMD" or "HygonGenuine")
            {
                Cpu.RepeatLeaf1(vendor != "GenuineIntel");
            }
        }

        if (numbers is { Family: { } family, Model: { } model, Stepping: { } stepping })
        {
            Cpu.TellSignature(family, model, stepping);
        }

        Tell(HighestLeaf, numbers.Level);
        Tell(HighestExtendedLeaf, numbers.ExtendedLevel);
        if (numbers.PhysicalBits is > 0 and < 64 and { } width)
        {
            Cpu.Tell(PhysicalBits, width);
        }

        if (numbers.Brand is { Length: > 0 } brand)
        {
            TellBrand(brand);
        }
    }

    private void Tell(CpuidFeature field, uint? number)
    {
        if (number is > 0 and { } value)
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

    /// <summary>The properties that are no booleans.</summary>
    private sealed class Numbers
    {
        public string? Vendor { get; private set; }

        public string? Brand { get; private set; }

        public uint? Family { get; private set; }

        public uint? Model { get; private set; }

        public uint? Stepping { get; private set; }

        public uint? Level { get; private set; }

        public uint? ExtendedLevel { get; private set; }

        public uint? PhysicalBits { get; private set; }

        public void Take(JsonMemberPlace member)
        {
            JsonPlace value = member.Value;
            uint? number = value.Kind == JsonKind.Number && uint.TryParse(value.Bytes, NumberStyles.None, CultureInfo.InvariantCulture, out uint whole) ? whole : null;
            string? text = value.Kind == JsonKind.String ? value.Text : null;
            switch (member.Name.Text)
            {
                case "vendor":
                    Vendor = text;
                    break;
                case "model-id":
                    Brand = text;
                    break;
                case "family":
                    Family = number;
                    break;
                case "model":
                    Model = number;
                    break;
                case "stepping":
                    Stepping = number;
                    break;
                case "level":
                    Level = number;
                    break;
                case "xlevel":
                    ExtendedLevel = number;
                    break;
                case "phys-bits":
                    PhysicalBits = number;
                    break;
                default:
                    break;
            }
        }
    }
}
