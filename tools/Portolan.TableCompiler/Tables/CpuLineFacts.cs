using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>One CPU line while its rows are read.</summary>
internal sealed class CpuLineFacts(TsvRow first)
{
    private const int Registers = 4;
    private const int RegisterBits = 32;
    private const uint XsaveLeaf = 0xd;
    private const uint SupervisorBit = 1;
    private const uint AlignedBit = 2;
    private const uint XfdBit = 4;


    private readonly SortedDictionary<string, uint> _fields = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _features = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _varies = new(StringComparer.Ordinal);
    private readonly SortedSet<int> _components = [];
    private readonly SortedSet<(uint Index, int Bit)> _clearMsrBits = [];
    private readonly SortedSet<(uint Leaf, uint Subleaf)> _reserved = [];
    private readonly List<string> _models = [];
    private string _vendor = "-";
    private string _layout = "-";
    private uint _mxcsrMask;
    private uint _signature;

    /// <summary>Takes over what the parent line has, but not which CPUs it is.</summary>
    internal void Inherit(CpuLineFacts parent)
    {
        _vendor = parent._vendor;
        _features.UnionWith(parent._features);
        _varies.UnionWith(parent._varies);
        _clearMsrBits.UnionWith(parent._clearMsrBits);
        foreach ((string name, uint value) in parent._fields)
        {
            _fields[name] = value;
        }

        _layout = parent._layout;
        _mxcsrMask = parent._mxcsrMask;
        _components.UnionWith(parent._components);
        _reserved.UnionWith(parent._reserved);
    }

    /// <summary>Takes one word of a row.</summary>
    internal void Add(TsvRow row, string key, string word, IReadOnlyDictionary<string, CpuidPlace> places, Problems problems)
    {
        bool ok = key switch
        {
            "vendor" => Vendor(word),
            "model" => Model(word),
            "signature" => Number(word, out _signature),
            "features" => places.ContainsKey(word) && (_features.Add(word) | _varies.Remove(word)),
            "without" => _features.Remove(word) | _varies.Remove(word),
            "varies" => places.ContainsKey(word) && (_varies.Add(word) | _features.Remove(word)),
            "field" => Field(word, places),
            "layout" => Layout(word),
            "components" => Component(word, out int added) && _components.Add(added),
            "without-components" => Component(word, out int removed) && _components.Remove(removed),
            "reserved" => Reserved(word),
            "mxcsr-mask" => Number(word, out _mxcsrMask),
            "msr-clear" => MsrBit(word),
            _ => true,
        };
        if (!ok)
        {
            problems.Add(row, $"'{word}' is no {key} that can stand here, or it stands there already");
        }
    }

    /// <summary>Writes the line as a constructor call.</summary>
    internal void Emit(CodeWriter code, CpuLineScope scope, Problems problems)
    {
        if (_models.Count == 0 || _signature == 0 || _mxcsrMask == 0 || _vendor == "-" || _layout == "-")
        {
            problems.Add(first, $"the line '{first["line"]}' needs vendor, model, signature, layout and mxcsr-mask");
        }

        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> values = [];
        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> known = [];
        Fill(values, known, scope, problems);
        code.Line($"new({CodeWriter.Literal(first["line"])}, CpuidVendor.{CodeWriter.Pascal(_vendor)}, {Hex(_signature)}, {Hex(_mxcsrMask)},");
        code.Line($"    [{string.Join(", ", _models)}],");
        code.Line($"    [{Rows(values)}],");
        code.Line($"    [{Rows(known)}],");
        code.Line($"    [{string.Join(", ", _clearMsrBits.Select(bit => $"new({Hex(bit.Index)}, {bit.Bit})"))}]),");
    }

    private void Fill(
        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> values,
        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> known,
        CpuLineScope scope,
        Problems problems)
    {
        foreach (string name in scope.Features.Concat(_features).Where(name => !_varies.Contains(name)))
        {
            Put(values, known, scope.Places[name], _features.Contains(name) ? 1u : 0);
        }

        foreach ((string name, uint value) in _fields.Where(field => !_varies.Contains(field.Key)))
        {
            Put(values, known, scope.Places[name], value);
        }

        Put(values, known, new("cpu", 1, 0, 0, 0, RegisterBits), _signature);
        foreach (int component in scope.Supported)
        {
            uint[] layout = Subleaf(component, scope, problems);
            bool isUser = _components.Contains(component) && (layout[2] & SupervisorBit) == 0;
            Put(values, known, new("cpu", XsaveLeaf, 0, 0, component, 1), isUser ? 1u : 0);
            for (int register = 0; register < layout.Length && component > 1; register++)
            {
                Put(values, known, new("cpu", XsaveLeaf, (uint)component, register, 0, RegisterBits), layout[register]);
            }
        }

        Put(values, known, new("cpu", XsaveLeaf, 0, 3, 0, RegisterBits), 0);
        foreach ((uint leaf, uint subleaf) in _reserved)
        {
            Array.Fill(At(known, new("cpu", leaf, subleaf, 0, 0, 0)), uint.MaxValue);
            _ = At(values, new("cpu", leaf, subleaf, 0, 0, 0));
        }
    }

    private static void Put(
        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> values,
        SortedDictionary<(uint Leaf, uint Subleaf), uint[]> known,
        CpuidPlace place,
        uint value)
    {
        uint[] row = At(values, place);
        row[place.Register] = (row[place.Register] & ~place.Mask) | (unchecked(value << place.Low) & place.Mask);
        At(known, place)[place.Register] |= place.Mask;
    }

    private static uint[] At(SortedDictionary<(uint Leaf, uint Subleaf), uint[]> table, CpuidPlace place)
    {
        if (!table.TryGetValue((place.Leaf, place.Subleaf), out uint[]? row))
        {
            table[(place.Leaf, place.Subleaf)] = row = new uint[Registers];
        }

        return row;
    }

    private static string Rows(SortedDictionary<(uint Leaf, uint Subleaf), uint[]> table)
        => string.Join(", ", table.Select(row => $"new({Hex(row.Key.Leaf)}, {row.Key.Subleaf}, {string.Join(", ", row.Value.Select(Hex))})"));

    private static string Hex(uint number) => string.Create(CultureInfo.InvariantCulture, $"0x{number:x}");

    private bool Vendor(string word)
    {
        _vendor = word;
        return word is "intel" or "amd";
    }

    private bool Model(string word)
    {
        string[] parts = word.Split(':');
        if (parts.Length != 3 || !Number(parts[0], out uint family) || !Range(parts[1], out uint low, out uint high) || !Range(parts[2], out uint from, out uint to))
        {
            return false;
        }

        _models.Add($"new({Hex(family)}, {Hex(low)}, {Hex(high)}, {from}, {to})");
        return true;
    }

    private bool Field(string word, IReadOnlyDictionary<string, CpuidPlace> places)
    {
        string[] parts = word.Split('=');
        if (parts.Length != 2 || !places.ContainsKey(parts[0]) || !Number(parts[1], out uint value))
        {
            return false;
        }

        _fields[parts[0]] = value;
        return true;
    }

    private bool Layout(string word)
    {
        _layout = word;
        return word is "intel" or "amd" or "amd-zen2";
    }

    private static bool Component(string word, out int component) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out component);

    /// <summary>Size, offset and ECX of a component's subleaf of leaf 0DH; zeros where the line lacks it.</summary>
    private uint[] Subleaf(int component, CpuLineScope scope, Problems problems)
    {
        if (!_components.Contains(component))
        {
            return [0, 0, 0, 0];
        }

        if (!scope.Components.TryGetValue(component, out TsvRow? row) || (row["kind"] == "user" && row[_layout] == "-"))
        {
            problems.Add(first, $"{XFeaturesTable.File} does not say where component {component} of '{first["line"]}' lies");
            return [0, 0, 0, 0];
        }

        string[] place = row[_layout].Split('/');
        _ = Number(place[0], out uint offset);
        _ = Number(place.Length > 1 ? place[1] : row["size"], out uint size);
        uint ecx = (row["kind"] == "supervisor" ? SupervisorBit : 0) | (row["align64"] == "yes" ? AlignedBit : 0) | (row["xfd"] == "yes" ? XfdBit : 0);
        return [size, row["kind"] == "supervisor" ? 0 : offset, ecx, 0];
    }

    private bool Reserved(string word)
    {
        string[] parts = word.Split('.');
        return parts.Length == 2
            && uint.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint leaf)
            && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint subleaf)
            && _reserved.Add((leaf, subleaf));
    }

    private bool MsrBit(string word)
    {
        string[] parts = word.Split('.');
        return parts.Length == 2
            && uint.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint index)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int bit)
            && _clearMsrBits.Add((index, bit));
    }

    private static bool Range(string text, out uint low, out uint high)
    {
        string[] ends = text.Split('-');
        high = 0;
        return Number(ends[0], out low) && Number(ends[^1], out high) && ends.Length <= 2 && low <= high;
    }

    private static bool Number(string text, out uint number) => text.StartsWith("0x", StringComparison.Ordinal)
        ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

/// <summary>What lines are said against: the places of features, and what data/kvm/exposure.tsv names, which is absent where a line does not have it.</summary>
/// <param name="Places">Every named field of CPUID.</param>
/// <param name="Features">The bits that exposure names.</param>
/// <param name="Supported">The XSAVE components that exposure names.</param>
/// <param name="Components">The rows of data/x86/xfeatures.tsv.</param>
internal sealed record CpuLineScope(
    IReadOnlyDictionary<string, CpuidPlace> Places, IReadOnlyList<string> Features, IReadOnlyList<int> Supported, IReadOnlyDictionary<int, TsvRow> Components)
{
    /// <summary>Reads the other tables, which report their own problems.</summary>
    internal static CpuLineScope Read(string root)
    {
        Problems others = new();
        Dictionary<string, CpuidPlace> places = CpuidPlace.Read(root, others);
        IReadOnlyList<TsvRow> exposure = TsvFile.Read(root, ExposureTable.File, ExposureTable.Columns, others).Rows;
        Dictionary<int, TsvRow> components = [];
        foreach (TsvRow row in TsvFile.Read(root, XFeaturesTable.File, XFeaturesTable.Columns, others).Rows)
        {
            components[checked((int)row.Number("component", others))] = row;
        }

        return new(
            places,
            [
                .. exposure.Where(row => row["kind"] == "bit").Select(row => row["subject"])
                    .Concat(exposure.SelectMany(row => row.List("when")).Select(term => term.TrimStart('!')))
                    .Where(name => places.TryGetValue(name, out CpuidPlace? place) && place.IsProcessorBit)
                    .Distinct(),
            ],
            [.. exposure.Where(row => row["kind"] is "xfeature" or "xss").Select(row => checked((int)row.Number("subject", others))).Distinct()],
            components);
    }
}
