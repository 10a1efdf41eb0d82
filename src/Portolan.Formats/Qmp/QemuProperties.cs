using System.Collections.Frozen;

namespace Portolan.Formats.Qmp;

/// <summary>What a boolean CPU property of QEMU tells of the KVM behind it.</summary>
internal enum PropertyMeaning
{
    /// <summary>True: KVM shows the feature; false: it does not.</summary>
    Tells,

    /// <summary>A false may be QEMU's own doing.</summary>
    OnlyTrueTells,

    /// <summary>A true may be QEMU's own doing.</summary>
    OnlyFalseTells,

    /// <summary>Neither answer tells anything.</summary>
    TellsNothing,

    /// <summary>No CPU feature at all.</summary>
    Setting,
}

/// <summary>A row of data/formats/qemu-properties.tsv.</summary>
/// <param name="Name">The property, spelled with <c>-</c>.</param>
/// <param name="Meaning">What it tells.</param>
/// <param name="AliasOf">The property that it is another spelling of.</param>
internal sealed record QmpProperty(string Name, PropertyMeaning Meaning, string? AliasOf)
{
    /// <summary>Does this answer tell what KVM shows?</summary>
    public bool Tells(bool answer) => Meaning switch
    {
        PropertyMeaning.Tells => true,
        PropertyMeaning.OnlyTrueTells => answer,
        PropertyMeaning.OnlyFalseTells => !answer,
        _ => false,
    };
}

/// <summary>QEMU's CPU properties that do not simply say what KVM shows.</summary>
internal static partial class QemuProperties
{
    private static readonly FrozenDictionary<string, QmpProperty> ByName = Rows().ToFrozenDictionary(static row => row.Name, StringComparer.Ordinal);

    /// <summary>The properties that have a row, and their other spellings; each with <c>-</c>.</summary>
    public static IEnumerable<string> Names => ByName.Keys;

    // The names that stand for bits, spelled with '-' and no alias: nearly all that QEMU answers.
    private static readonly Lazy<FrozenDictionary<string, QmpProperty>> Features = new(() => Named.NamedPlaces.Qemu.Keys
        .Select(static name => ByName.TryGetValue(name, out QmpProperty? row) ? row : new QmpProperty(name, PropertyMeaning.Tells, null))
        .Where(static row => row.AliasOf is null)
        .ToFrozenDictionary(static row => row.Name, StringComparer.Ordinal));

    /// <summary>The property by any spelling: <c>_</c> is <c>-</c>, an alias is what it stands for.</summary>
    public static QmpProperty Of(string spelled)
    {
        if (Features.Value.TryGetValue(spelled, out QmpProperty? feature))
        {
            return feature;
        }

        string name = spelled.Replace('_', '-');
        if (!ByName.TryGetValue(name, out QmpProperty? row))
        {
            return new(name, PropertyMeaning.Tells, null);
        }

        return row.AliasOf is { } other ? Of(other) : row;
    }
}
