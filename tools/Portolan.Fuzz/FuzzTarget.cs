using System.Text;
using Portolan.Documents;
using Portolan.Formats;

namespace Portolan.Fuzz;

/// <summary>A parser that is given mutated inputs.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Seeds">The inputs that are mutated; at least one.</param>
/// <param name="Parse">Parses an input: null where it is accepted, the fault where it is refused.</param>
public sealed record FuzzTarget(string Name, IReadOnlyList<byte[]> Seeds, Func<byte[], InputFault?> Parse)
{
    /// <summary>A format of hosts, with the seeds that it recognises.</summary>
    public static FuzzTarget Of(ForeignFormat format) => new(
        format.Name,
        FuzzSeeds.Where(bytes => ForeignFormat.Recognise(bytes) == format),
        bytes => FormatRecognition.Read(new ImportRequest("fuzz", bytes), format).Fault);

    /// <summary>A parser of whole files, with the seeds whose content passes a test.</summary>
    public static FuzzTarget OfBytes<T>(string name, Func<byte[], bool> isSeed, Func<byte[], Reading<T>> parse)
        where T : class => new(name, FuzzSeeds.Where(isSeed), bytes => parse(bytes).Fault);

    /// <summary>A parser of one text, with its seeds.</summary>
    public static FuzzTarget OfText<T>(string name, IReadOnlyList<string> seeds, Func<string, Reading<T>> parse)
        where T : class => new(name, [.. seeds.Select(Encoding.UTF8.GetBytes)], bytes => parse(Encoding.UTF8.GetString(bytes)).Fault);
}
