using System.Globalization;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>One block of /proc/cpuinfo: the fields that are read of it, with their lines.</summary>
internal sealed class CpuinfoProcessor(int number)
{
    private readonly (string? Value, int Line)[] _fields = new (string?, int)[FieldNames.All.Length];

    public int Number => number;

    /// <summary>Adds a field; false where it is there already.</summary>
    public bool TryAdd(Field field, string value, int line)
    {
        ref (string? Value, int Line) place = ref _fields[(int)field];
        bool isNew = place.Value is null;
        place = isNew ? (value, line) : place;
        return isNew;
    }

    public string? Value(Field field) => _fields[(int)field].Value;

    public int Line(Field field) => _fields[(int)field] is { Value: not null } known ? known.Line : 1;

    public string[] Words(Field field) => Value(field)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"processor {number}");
}
