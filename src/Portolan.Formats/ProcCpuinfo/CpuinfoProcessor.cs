using System.Globalization;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>One block of /proc/cpuinfo: the fields that are read of it, by their names, with their lines.</summary>
internal sealed class CpuinfoProcessor(int number)
{
    private readonly Dictionary<string, (string Value, int Line)> _fields = new(StringComparer.Ordinal);

    public int Number => number;

    /// <summary>Adds a field; false where it is there already.</summary>
    public bool TryAdd(string name, string value, int line) => _fields.TryAdd(name, (value, line));

    public string? Value(string name) => _fields.TryGetValue(name, out (string Value, int Line) field) ? field.Value : null;

    public int Line(string name) => _fields.TryGetValue(name, out (string Value, int Line) field) ? field.Line : 1;

    public string[] Words(string name) => Value(name)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"processor {number}");
}
