namespace Portolan.Testing.RandomCases;

/// <summary>Random numbers that are the same everywhere for the same seed (splitmix64: Steele, Lea, Flood, OOPSLA 2014).</summary>
public sealed class CaseRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Bits()
    {
        unchecked
        {
            _state += 0x9e3779b97f4a7c15;
            ulong mixed = (_state ^ (_state >> 30)) * 0xbf58476d1ce4e5b9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
            return mixed ^ (mixed >> 31);
        }
    }

    /// <summary>A number from 0 to <paramref name="count"/> - 1.</summary>
    public int Below(int count) => (int)(Bits() % (ulong)count);

    /// <summary>True in so many of a hundred cases.</summary>
    public bool Percent(int percent) => Below(100) < percent;

    /// <summary>One of some things.</summary>
    public T Pick<T>(IReadOnlyList<T> things) => things[Below(things.Count)];

    /// <summary>One of some things.</summary>
    public T Of<T>(params ReadOnlySpan<T> things) => things[Below(things.Length)];

    /// <summary>One bit of 64.</summary>
    public ulong Bit() => 1UL << Below(64);

    /// <summary>Some of a mask's bits.</summary>
    public ulong Some(ulong mask) => mask & Bits();
}
