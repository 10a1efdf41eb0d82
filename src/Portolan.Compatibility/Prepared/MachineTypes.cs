using System.Collections.Concurrent;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Prepared;

/// <summary>Machine types as numbers, given in the order in which they are first met, and a host's as bits.</summary>
internal static class MachineTypes
{
    /// <summary>A guest without one.</summary>
    public const int None = -1;

    private const int BitsOfWord = 64;
    private static readonly ConcurrentDictionary<string, int> Numbers = new(StringComparer.Ordinal);
    private static readonly Verdict Lacking = Severities.VerdictOf(ClauseTable.VmmMachineType);
    private static int _last = None;

    /// <summary>The number of a machine type.</summary>
    public static int NumberOf(string? machine) => machine is null ? None : Numbers.GetOrAdd(machine, static _ => Interlocked.Increment(ref _last));

    /// <summary>A host's; null if they are not known.</summary>
    public static ulong[]? Of(HostFacts host)
    {
        if (host.Snapshot.MachineTypes is not { } known)
        {
            return null;
        }

        int[] numbers = [.. known.Value.Select(NumberOf)];
        ulong[] bits = new ulong[numbers.Length == 0 ? 0 : (numbers.Max() / BitsOfWord) + 1];
        foreach (int number in numbers)
        {
            bits[number / BitsOfWord] |= 1UL << (number % BitsOfWord);
        }

        return bits;
    }

    /// <summary>What a guest of a machine type comes to. A number beyond the host's bits is none of its own.</summary>
    public static Verdict Judge(ulong[]? host, int machine)
        => machine == None ? Verdict.Compatible
            : host is null ? Verdict.Unknown
            : machine / BitsOfWord < host.Length && (host[machine / BitsOfWord] >> (machine % BitsOfWord) & 1) != 0 ? Verdict.Compatible
            : Lacking;
}
