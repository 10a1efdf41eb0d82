using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Portolan.Streams.Fields;

namespace Portolan.Streams.Cpu;

/// <summary>The vmstates that need no description, compiled from data/streams/vmstates.tsv and vmstate-fields.tsv.</summary>
public static partial class CpuVmstates
{
    private static readonly VmstateRow[] Table = AllRows();
    private static readonly FrozenDictionary<string, VmstateRow> Rows = Table.ToFrozenDictionary(static row => row.Name, StringComparer.Ordinal);
    private static readonly FrozenDictionary<string, Vmstate> Sections = Rows.Values
        .Where(static row => row.Kind == VmstateKind.Section)
        .Select(Build)
        .ToFrozenDictionary(static vmstate => vmstate.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<(string Vmstate, string Field), VmstateFieldRow> FieldRows = Table
        .SelectMany(static row => row.Fields.Select(field => (row.Name, field)))
        .ToFrozenDictionary(static pair => (pair.Name, pair.field.Name), static pair => pair.field);

    /// <summary>Every row of the tables.</summary>
    public static IEnumerable<VmstateRow> All => Table;

    /// <summary>The vmstate of a section, if the tables know it.</summary>
    public static bool TryFind(string section, [NotNullWhen(true)] out Vmstate? vmstate) => Sections.TryGetValue(section, out vmstate);

    /// <summary>The row of a field, if the tables know it.</summary>
    public static bool TryFindField(string vmstate, string field, [NotNullWhen(true)] out VmstateFieldRow? row)
        => FieldRows.TryGetValue((vmstate, field), out row);

    private static Vmstate Build(VmstateRow row)
        => new(row.Name, row.Version, [.. row.Fields.Select(Build)], [.. Table.Where(inner => inner.Parent == row.Name).Select(Build)])
        {
            MinimumVersion = row.Minimum,
            Source = row.Source,
        };

    private static VmstateField Build(VmstateFieldRow field)
    {
        Vmstate? inner = field.Struct is null ? null : Build(Rows[field.Struct]);
        int size = inner is null ? SizeOf(field.Type) : (int)inner.FieldBytes(uint.MaxValue);
        return new VmstateField(field.Name, field.Type, size) { Count = field.Count > 1 ? field.Count : null, Struct = inner, Since = field.Since };
    }

    private static int SizeOf(string type) => type switch
    {
        "uint8" or "int8" or "bool" => sizeof(byte),
        "uint16" or "int16" => sizeof(ushort),
        "uint32" or "int32" => sizeof(uint),
        _ => sizeof(ulong),
    };
}

/// <summary>What a vmstate of the tables is.</summary>
public enum VmstateKind
{
    /// <summary>A section of its own.</summary>
    Section,

    /// <summary>A subsection, there where it is needed.</summary>
    Subsection,

    /// <summary>The element of a field.</summary>
    Struct,
}

/// <summary>When the destination's QEMU writes a field into its MSR.</summary>
public enum MsrCondition
{
    /// <summary>The field is in no MSR.</summary>
    None,

    /// <summary>Always.</summary>
    Always,

    /// <summary>Where KVM_GET_MSR_INDEX_LIST has the MSR; else the value is dropped and nobody is told.</summary>
    Listed,

    /// <summary>Always; KVM takes it whether or not it lists it (MTRRs).</summary>
    Unlisted,

    /// <summary>Where the guest has machine checks.</summary>
    Mce,

    /// <summary>Where the guest has machine checks and the bank; KVM takes it whether or not it lists it.</summary>
    MceBank,

    /// <summary>Where the guest has an architectural PMU.</summary>
    Pmu,

    /// <summary>Where the guest has the Hyper-V enlightenment.</summary>
    Hyperv,

    /// <summary>Where the guest has processor trace.</summary>
    Pt,

    /// <summary>Where the guest has SGX launch control.</summary>
    Sgx,
}

/// <summary>A row of data/streams/vmstates.tsv with its fields.</summary>
/// <param name="Name">QEMU's name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Parent">Of a subsection: what it is of.</param>
/// <param name="Version">QEMU's version_id.</param>
/// <param name="Minimum">QEMU's minimum_version_id.</param>
/// <param name="Since">The first QEMU that writes it, where that is known to be 5.2 or later.</param>
/// <param name="Source">Where the facts are from.</param>
/// <param name="Fields">The fields in wire order.</param>
public sealed record VmstateRow(
    string Name, VmstateKind Kind, string? Parent, uint Version, uint Minimum, string? Since, string Source, ImmutableArray<VmstateFieldRow> Fields);

/// <summary>A row of data/streams/vmstate-fields.tsv.</summary>
/// <param name="Name">QEMU's name.</param>
/// <param name="Type">QEMU's name of the type.</param>
/// <param name="Struct">What an element is made of, where it is a structure.</param>
/// <param name="Count">Elements; 1 is no array.</param>
/// <param name="Since">The section's version from which it exists.</param>
/// <param name="Msrs">The MSRs into which QEMU puts its numbers, in order; empty where it is in none.</param>
/// <param name="When">When QEMU does.</param>
public sealed record VmstateFieldRow(string Name, string Type, string? Struct, int Count, uint Since, ImmutableArray<uint> Msrs, MsrCondition When);
