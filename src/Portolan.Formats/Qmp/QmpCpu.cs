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
            foreach (JsonValue models in answers.Definitions)
            {
                TakeUnavailable(models);
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
        int open = 0;
        List<(QmpName Name, bool Has)> gated = [];
        Numbers numbers = new();
        foreach (JsonMemberPlace member in properties.EachMember())
        {
            JsonPlace value = member.Value;
            if (value.Kind != JsonKind.Boolean)
            {
                numbers.Take(member);
                continue;
            }

            bool has = value.IsTrue;
            QmpName? name = QmpName.Of(member.Name);
            if (name is null or { Places: null, Property.Meaning: not PropertyMeaning.Setting })
            {
                TakeUnknown(member.Name.Text);
                continue;
            }

            open |= has ? name.Opens : 0;
            if (name.Needs == 0)
            {
                Tell(name, has);
            }
            else
            {
                gated.Add((name, has));
            }
        }

        foreach ((QmpName name, bool has) in gated)
        {
            if ((name.Needs & ~open) == 0)
            {
                Tell(name, has);
            }
        }

        Take(numbers);
    }

    private void Tell(QmpName name, bool has)
    {
        if ((has ? name.ToldByTrue : name.ToldByFalse) is { } places)
        {
            Cpu.Tell(name.Property.Name, places, has);
            Told++;
        }
    }

    private void TakeUnknown(string name)
    {
        string normal = NamedPlaces.Normal(name);
        if (!normal.StartsWith("hv-", StringComparison.Ordinal) && !normal.StartsWith("x-hv-", StringComparison.Ordinal))
        {
            _unknown.Add(name);
        }
    }

    private void TakeUnavailable(JsonValue models)
    {
        foreach (JsonPlace model in models.EachItem())
        {
            if (QmpAnswers.TryFindUnavailable(model, out JsonPlace unavailable))
            {
                foreach (JsonPlace name in unavailable.EachItem())
                {
                    TakeUnavailable(name);
                }
            }
        }
    }

    private void TakeUnavailable(JsonPlace spelled)
    {
        if (QmpName.Of(spelled) is { ToldByFalse: { Msr.Length: 0, Vmx.Length: 0 } places } name)
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
