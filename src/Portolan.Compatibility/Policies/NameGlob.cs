namespace Portolan.Compatibility.Policies;

/// <summary>Names by a pattern: <c>*</c> stands for any letters, <c>?</c> for one; every other letter for itself.</summary>
/// <param name="Text">The pattern.</param>
public readonly record struct NameGlob(string Text)
{
    /// <summary>Does the whole name fit? In time proportional to the product of both lengths at worst.</summary>
    public bool Matches(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        int at = 0;
        int letter = 0;
        int star = -1;
        int resume = 0;
        while (letter < name.Length)
        {
            if (at < Text.Length && Text[at] == '*')
            {
                star = at++;
                resume = letter;
            }
            else if (at < Text.Length && (Text[at] == '?' || Text[at] == name[letter]))
            {
                at++;
                letter++;
            }
            else if (star >= 0)
            {
                // The last star takes one letter more.
                at = star + 1;
                letter = ++resume;
            }
            else
            {
                return false;
            }
        }

        return Text.AsSpan(at).TrimStart('*').IsEmpty;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;
}
