namespace Portolan.Formats.Text;

/// <summary>Takes words off the front of a line. Whatever fails takes nothing.</summary>
internal ref struct LineCursor(ReadOnlySpan<byte> line)
{
    /// <summary>What was not taken yet.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = line;

    public readonly bool AtEnd => Rest.IsEmpty;

    public void SkipBlanks() => Rest = Rest.TrimStart(" \t"u8);

    public bool Take(ReadOnlySpan<byte> word)
    {
        if (!Rest.StartsWith(word))
        {
            return false;
        }

        Rest = Rest[word.Length..];
        return true;
    }

    public bool Take(char one)
    {
        if (Rest.IsEmpty || Rest[0] != one)
        {
            return false;
        }

        Rest = Rest[1..];
        return true;
    }

    /// <summary>Hexadecimal digits, at least one, at most <paramref name="most"/>, and none behind them.</summary>
    public bool TakeHex(int most, out uint value)
    {
        uint read = 0;
        int digits = 0;
        foreach (byte letter in Rest)
        {
            int digit = letter switch
            {
                >= (byte)'0' and <= (byte)'9' => letter - '0',
                >= (byte)'a' and <= (byte)'f' => letter - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => letter - 'A' + 10,
                _ => -1,
            };
            if (digit < 0)
            {
                break;
            }

            if (++digits > most)
            {
                value = 0;
                return false;
            }

            read = (read << 4) | (uint)digit;
        }

        value = read;
        Rest = Rest[digits..];
        return digits > 0;
    }

    /// <summary>A decimal number of at most six digits.</summary>
    public bool TakeNumber(out int value)
    {
        value = 0;
        int digits = 0;
        while (digits < Rest.Length && Rest[digits] is >= (byte)'0' and <= (byte)'9')
        {
            if (digits == 6)
            {
                return false;
            }

            value = (value * 10) + (Rest[digits++] - '0');
        }

        Rest = Rest[digits..];
        return digits > 0;
    }
}
