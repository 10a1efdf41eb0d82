using System.Collections.Immutable;

namespace Portolan.Conformance.Differential;

/// <summary>One difference between a kernel and its model, with the shortest sequence found that shows it.</summary>
/// <param name="Group">What differs: the ioctl, what it touches, and where both answers part.</param>
/// <param name="Steps">The ioctls that lead there.</param>
/// <param name="Kernel">What the kernel answered.</param>
/// <param name="Model">What the model answered.</param>
public sealed record DifferentialMismatch(string Group, ImmutableArray<string> Steps, string Kernel, string Model)
{
    /// <summary>The seed of the sequence that showed it first.</summary>
    public int Seed { get; init; }

    /// <summary>How many sequences ended at it.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Why the model need not do as the kernel does; null where it should.</summary>
    public string? Reason { get; init; }
}

/// <summary>What a differential run found.</summary>
/// <param name="Sequences">How many sequences ran.</param>
/// <param name="Ioctls">How many ioctls the kernel was given, those that compare states included.</param>
/// <param name="Undecided">How many sequences ended where the model could not tell for want of a fact.</param>
/// <param name="Mismatches">The differences, by group.</param>
public sealed record DifferentialReport(int Sequences, long Ioctls, int Undecided, ImmutableArray<DifferentialMismatch> Mismatches)
{
    /// <summary>Is every difference explained?</summary>
    public bool Ok => Mismatches.All(static mismatch => mismatch.Reason is not null);
}

/// <summary>Gives a kernel and the model of its host the same random ioctls and compares every answer, and the state after every step.</summary>
public sealed class DifferentialRun
{
    private const int LongestText = 160;

    private readonly ConformanceSubject _kernel;
    private readonly ConformanceSubject _model;
    private readonly StepGenerator _generator;
    private long _ioctls;

    /// <summary>A run of a kernel against a model, which must be of the kernel's own snapshot.</summary>
    public DifferentialRun(ConformanceSubject kernel, ConformanceSubject model)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _kernel = kernel;
        _model = model;
        _generator = new StepGenerator(kernel.Host);
    }

    /// <summary>Runs sequences until the kernel was given so many ioctls.</summary>
    /// <param name="ioctls">How many.</param>
    /// <param name="seed">The first sequence's seed; the next ones follow it.</param>
    /// <param name="cancel">Ends the run after the sequence that it is at.</param>
    public DifferentialReport Run(long ioctls, int seed, CancellationToken cancel = default)
    {
        SortedDictionary<string, DifferentialMismatch> found = new(StringComparer.Ordinal);
        int sequences = 0, undecided = 0;
        while (_ioctls < ioctls && !cancel.IsCancellationRequested)
        {
            int at = unchecked(seed + sequences);
            ImmutableArray<DifferentialStep> steps = _generator.Sequence(at);
            sequences++;
            Comparison compared = Compare(steps);
            undecided += compared.IsUndecided ? 1 : 0;
            foreach (DifferentialMismatch explained in compared.Explained.DistinctBy(static one => one.Group))
            {
                found[explained.Group] = found.TryGetValue(explained.Group, out DifferentialMismatch? known) ? known with { Times = known.Times + 1 } : explained with { Seed = at };
            }

            if (compared.Mismatch is { } mismatch)
            {
                found[mismatch.Group] = found.TryGetValue(mismatch.Group, out DifferentialMismatch? known)
                    ? known with { Times = known.Times + 1 }
                    : Shrink(steps[..compared.Steps], mismatch) with { Seed = at, Reason = KnownDifferences.Explain(mismatch.Group, _kernel.Host)?.Reason };
            }
        }

        return new DifferentialReport(sequences, _ioctls, undecided, [.. found.Values]);
    }

    /// <summary>One sequence on both: how far it came, what ended it, and the known differences of states that it went past.</summary>
    private sealed record Comparison(int Steps, DifferentialMismatch? Mismatch, bool IsUndecided, IReadOnlyList<DifferentialMismatch> Explained);

    /// <summary>Leaves out one step after another for as long as the same difference remains.</summary>
    private DifferentialMismatch Shrink(ImmutableArray<DifferentialStep> steps, DifferentialMismatch mismatch)
    {
        for (int i = steps.Length - 2; i >= 0; i--)
        {
            ImmutableArray<DifferentialStep> shorter = steps.RemoveAt(i);
            if (Compare(shorter).Mismatch is { } still && still.Group == mismatch.Group)
            {
                (steps, mismatch) = (shorter, still);
                i = Math.Min(i, steps.Length - 1);
            }
        }

        return mismatch;
    }

    private Comparison Compare(ImmutableArray<DifferentialStep> steps)
    {
        using Pair pair = Pair.Create(_kernel, _model);
        List<DifferentialMismatch> explained = [];
        for (int i = 0; i < steps.Length; i++)
        {
            StepAnswer kernel = steps[i].Apply(pair.Kernel), model = steps[i].Apply(pair.Model);
            _ioctls++;
            if (model.Errno == Errno.Unknown)
            {
                return new Comparison(i + 1, null, IsUndecided: true, explained);
            }

            if (kernel != model)
            {
                return new Comparison(i + 1, Mismatch(steps[i].Group, steps, i, kernel.ToString(), model.ToString()), false, explained);
            }

            foreach (StateQuestion question in StateQuestion.All)
            {
                StepAnswer inKernel = question.Ask(pair.Kernel), inModel = question.Ask(pair.Model);
                _ioctls++;
                if (inModel.Errno == Errno.Unknown)
                {
                    return new Comparison(i + 1, null, IsUndecided: true, explained);
                }

                if (inKernel != inModel)
                {
                    (string place, string k, string m) = FirstDifference(inKernel.ToString(), inModel.ToString());
                    DifferentialMismatch mismatch = Mismatch($"{question.Call}{place} after {steps[i].Call}", steps, i, k, m);
                    if (KnownDifferences.Explain(mismatch.Group, _kernel.Host) is not { } known)
                    {
                        return new Comparison(i + 1, mismatch, false, explained);
                    }

                    explained.Add(mismatch with { Group = known.Group, Reason = known.Reason });
                }
            }
        }

        return new Comparison(steps.Length, null, false, explained);
    }

    private static DifferentialMismatch Mismatch(string group, ImmutableArray<DifferentialStep> steps, int at, string kernel, string model)
        => new(group, [.. steps[..(at + 1)].Select(static step => step.ToString())], Cut(kernel), Cut(model));

    /// <summary>Where two long texts part: a line of CPUID, a byte of an image, a register.</summary>
    private static (string Place, string Kernel, string Model) FirstDifference(string kernel, string model)
    {
        char separator = kernel.Contains('\n', StringComparison.Ordinal) || model.Contains('\n', StringComparison.Ordinal) ? '\n' : ',';
        if (kernel.Length == model.Length && kernel.Length == CaseVcpu.LegacyImage * 2)
        {
            int at = kernel.AsSpan().CommonPrefixLength(model) / 2;
            return ($" byte {at}", kernel.Substring(at * 2, 2), model.Substring(at * 2, 2));
        }

        string[] left = kernel.Split(separator), right = model.Split(separator);
        int first = Enumerable.Range(0, Math.Min(left.Length, right.Length)).FirstOrDefault(i => left[i] != right[i], Math.Min(left.Length, right.Length));
        string one = first < left.Length ? left[first].Trim() : "nothing more", other = first < right.Length ? right[first].Trim() : "nothing more";
        int equals = one.IndexOf(separator == '\n' ? ": " : " = ", StringComparison.Ordinal);
        return (equals > 0 ? $" {one[..equals].Trim()}" : "", one, other);
    }

    private static string Cut(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";

    /// <summary>A new vCPU of each.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly List<IDisposable> _open = [];

        public required IKvmVcpu Kernel { get; init; }

        public required IKvmVcpu Model { get; init; }

        public static Pair Create(ConformanceSubject kernel, ConformanceSubject model)
        {
            List<IDisposable> open = [];
            IKvmVcpu one = Vcpu(kernel.OpenProcess(), open);
            IKvmSystem process = model.OpenProcess();
            foreach (int component in XFeatureTable.Dynamic.Components()) // As the live process did before its first vCPU.
            {
                _ = process.RequestXcompGuestPermission(component);
            }

            Pair pair = new() { Kernel = one, Model = Vcpu(process, open) };
            pair._open.AddRange(open);
            return pair;
        }

        private static IKvmVcpu Vcpu(IKvmSystem system, List<IDisposable> open)
        {
            IKvmVm vm = system.CreateVm().Value;
            open.Add(vm);
            IKvmVcpu vcpu = vm.CreateVcpu(0).Value;
            open.Add(vcpu);
            return vcpu;
        }

        public void Dispose()
        {
            for (int i = _open.Count - 1; i >= 0; i--)
            {
                _open[i].Dispose();
            }
        }
    }
}
