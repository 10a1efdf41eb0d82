using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Portolan.Documents;

namespace Portolan.Formats.RecordedCpus;

/// <summary>The logical CPUs of a dump, in its order.</summary>
internal sealed class RecordedCpuList
{
    /// <summary>The most CPUs that a dump may have: Linux's own limit (arch/x86/Kconfig, NR_CPUS).</summary>
    public const int Most = 8192;

    private readonly List<RecordedCpu> _cpus = [];
    private readonly Dictionary<int, RecordedCpu> _numbered = [];

    /// <summary>The CPUs that have CPUID rows.</summary>
    public IReadOnlyList<RecordedCpu> Filled => [.. _cpus.Where(static cpu => !cpu.IsEmpty)];

    public bool IsFull => _cpus.Count >= Most;

    /// <summary>The CPU whose rows come next, or null before the first.</summary>
    public RecordedCpu? Current { get; private set; }

    public bool Contains(int number) => _numbered.ContainsKey(number);

    /// <summary>Goes to the CPU of this number, which is added where it is new.</summary>
    public RecordedCpu Enter(int? number)
    {
        if (number is { } known && _numbered.TryGetValue(known, out RecordedCpu? old))
        {
            return Current = old;
        }

        Current = new RecordedCpu(number);
        _cpus.Add(Current);
        if (number is { } added)
        {
            _numbered.Add(added, Current);
        }

        return Current;
    }

    /// <summary>The CPU that a request asks for; the fault where the dump has none of that number.</summary>
    public bool TryChoose(ImportRequest request, [NotNullWhen(true)] out RecordedCpu? chosen, [NotNullWhen(false)] out InputFault? fault)
    {
        IReadOnlyList<RecordedCpu> cpus = Filled;
        chosen = request.Cpu is { } number ? cpus.FirstOrDefault(cpu => cpu.Number == number) : cpus[0];
        fault = chosen is not null ? null : new InputFault(
            request.File,
            string.Create(CultureInfo.InvariantCulture, $"CPU {request.Cpu}"),
            string.Create(CultureInfo.InvariantCulture, $"{cpus.Count} CPUs without that number"),
            "choose another number with --cpu");
        return chosen is not null;
    }
}
