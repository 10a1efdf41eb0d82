namespace Portolan.Formats.Text;

/// <summary>Takes words off the front of a line. Whatever fails takes nothing.</summary>
internal ref struct LineCursor(ReadOnlySpan<byte> line)
{
    private const byte NoDigit = 0xff;

    /// <summary>The value of each letter as a hexadecimal digit: a table, because random digits make branches slow.</summary>
    private static readonly byte[] Digits =
        [.. Enumerable.Range(0, 256).Select(static letter => char.IsAsciiHexDigit((char)letter) ? Convert.ToByte(((char)letter).ToString(), 16) : NoDigit)];

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
        ReadOnlySpan<byte> rest = Rest;
        uint read = 0;
        int digits = 0;
        while (digits < rest.Length && Digits[rest[digits]] is var digit and not NoDigit)
        {
            if (++digits > most)
            {
                value = 0;
                return false;
            }

            read = (read << 4) | digit;
        }

        value = read;
        Rest = rest[digits..];
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
