namespace Portolan.Compatibility.Lint;

/// <summary>Yes, no, or what is not known; with the words that say why.</summary>
internal readonly record struct Answer(bool? Value, string Words)
{
    public static Answer Yes(string why) => new(true, why);

    public static Answer No { get; } = new(false, "");

    public static Answer Unknown(string fact) => new(null, fact);
}
