using System.Collections.Immutable;

namespace Portolan.Conformance.Differential;

/// <summary>One difference between a kernel and its model, with the shortest sequence found that shows it.</summary>
/// <param name="Group">What differs: the ioctl, and the MSR, register or part of the state at which both part.</param>
/// <param name="Steps">The ioctls that lead there.</param>
/// <param name="Kernel">What the kernel answered.</param>
/// <param name="Model">What the model answered.</param>
public sealed record DifferentialMismatch(string Group, ImmutableArray<string> Steps, string Kernel, string Model)
{
    /// <summary>The seed of the sequence that showed it first.</summary>
    public int Seed { get; init; }

    /// <summary>How many sequences met it.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Why the model need not do as the kernel does; null where it should.</summary>
    public string? Reason { get; init; }
}

/// <summary>What a differential run found.</summary>
/// <param name="Sequences">How many sequences ran.</param>
/// <param name="Steps">How many ioctls were chosen at random and made.</param>
/// <param name="Ioctls">How many ioctls the kernel was given in all: the steps, and those that compare the states after each.</param>
/// <param name="Undecided">How many sequences ended where the model could not tell for want of a fact.</param>
/// <param name="Mismatches">The differences, by group.</param>
public sealed record DifferentialReport(int Sequences, long Steps, long Ioctls, int Undecided, ImmutableArray<DifferentialMismatch> Mismatches)
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
    private readonly ImmutableArray<StateQuestion> _questions;
    private readonly SortedDictionary<string, DifferentialMismatch> _found = new(StringComparer.Ordinal);
    private readonly HashSet<string> _apart = new(StringComparer.Ordinal);
    private readonly HashSet<string> _met = new(StringComparer.Ordinal);
    private long _ioctls;
    private long _steps;
    private bool _undecided;

    /// <summary>A run of a kernel against a model, which must be of the kernel's own snapshot.</summary>
    public DifferentialRun(ConformanceSubject kernel, ConformanceSubject model)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _kernel = kernel;
        _model = model;
        _generator = new StepGenerator(kernel.Host);
        _questions = [.. StateQuestion.Fixed, new MsrQuestion(_generator.Msrs.Comparable)];
    }

    /// <summary>Runs sequences until the kernel was given so many random ioctls.</summary>
    /// <param name="count">How many; those that compare the states do not count.</param>
    /// <param name="seed">The first sequence's seed; the next ones follow it.</param>
    /// <param name="cancel">Ends the run after the sequence that it is at.</param>
    public DifferentialReport Run(long count, int seed, CancellationToken cancel = default)
    {
        int sequences = 0, undecided = 0;
        while (_steps < count && !cancel.IsCancellationRequested)
        {
            int at = unchecked(seed + sequences);
            sequences++;
            DifferentialSequence sequence = _generator.Sequence(at);
            List<DifferentialMismatch> mismatches = Compare(sequence, at);
            undecided += _undecided ? 1 : 0;
            foreach (DifferentialMismatch mismatch in mismatches)
            {
                Count(mismatch.Group, () => Shrink(sequence.First(mismatch.Steps.Length), mismatch) with { Seed = at });
            }
        }

        return new DifferentialReport(sequences, _steps, _ioctls, undecided, [.. _found.Values]);
    }

    /// <summary>Leaves out one call after another for as long as the same difference remains.</summary>
    private DifferentialMismatch Shrink(DifferentialSequence sequence, DifferentialMismatch mismatch)
    {
        for (int i = sequence.Length - 1; i >= 0; i--)
        {
            DifferentialSequence shorter = sequence.Without(i);
            if (Compare(shorter, null).Find(one => one.Group == mismatch.Group) is { } still)
            {
                (sequence, mismatch) = (shorter.First(still.Steps.Length), still);
                i = Math.Min(i, sequence.Length);
            }
        }

        return mismatch;
    }

    /// <summary>One sequence on both: the differences that are not known. Known ones are counted if a seed is given.</summary>
    private List<DifferentialMismatch> Compare(DifferentialSequence sequence, int? seed)
    {
        _apart.Clear();
        _met.Clear();
        _undecided = false;
        List<DifferentialMismatch> found = [];
        using DifferentialPair pair = new(_kernel, _model);
        for (int i = 0; i < sequence.Length && !_undecided; i++)
        {
            bool onVm = i < sequence.Machine.Length;
            bool goesOn = onVm
                ? Step(sequence, i, sequence.Machine[i], pair.KernelVm, pair.ModelVm, seed, found)
                : Step(sequence, i, sequence.Vcpu[i - sequence.Machine.Length], pair.Kernel, pair.Model, seed, found);
            if (!goesOn)
            {
                break;
            }

            if (!onVm)
            {
                States(sequence, i, pair, seed, found);
            }
        }

        return found;
    }

    /// <summary>One call on both; can the sequence go on?</summary>
    private bool Step<T>(DifferentialSequence sequence, int at, DifferentialStep<T> step, T kernel, T model, int? seed, List<DifferentialMismatch> found)
    {
        StepAnswer left = step.Apply(kernel), right = step.Apply(model);
        _ioctls++;
        _steps += seed is null ? 0 : 1;
        if (right.Errno == Errno.Unknown)
        {
            _undecided = true;
            return false;
        }

        if (left == right)
        {
            return true;
        }

        Part(sequence, at, new PlaceDifference(step.Parting?.Invoke(left, right) ?? step.Group, left.ToString(), right.ToString()), seed, found);

        // A call that only one of them took leaves too much apart; an MSR is only left out of the sequence's later comparisons.
        return step.NamesPlace;
    }

    private void States(DifferentialSequence sequence, int at, DifferentialPair pair, int? seed, List<DifferentialMismatch> found)
    {
        foreach (StateQuestion question in _questions)
        {
            IReadOnlyList<PlaceDifference>? differences = question.Ask(pair.Kernel, pair.Model, ref _ioctls);
            _undecided |= differences is null;
            foreach (PlaceDifference difference in differences ?? [])
            {
                Part(sequence, at, difference, seed, found);
            }
        }
    }

    /// <summary>Both differ at a place: it is left apart for the rest of the sequence.</summary>
    private void Part(DifferentialSequence sequence, int at, PlaceDifference difference, int? seed, List<DifferentialMismatch> found)
    {
        if (!_apart.Add(difference.Group))
        {
            return;
        }

        DifferentialMismatch mismatch = new(difference.Group, sequence.Words(at + 1), Cut(difference.Kernel), Cut(difference.Model));
        if (KnownDifferences.Explain(mismatch.Group, _kernel) is not { } known)
        {
            found.Add(mismatch);
        }
        else if (seed is { } first && known.NameOf(mismatch.Group) is { } name && _met.Add(name))
        {
            Count(name, () => mismatch with { Group = name, Seed = first, Reason = known.Statement });
        }
    }

    private void Count(string group, Func<DifferentialMismatch> first)
        => _found[group] = _found.TryGetValue(group, out DifferentialMismatch? known) ? known with { Times = known.Times + 1 } : first();

    private static string Cut(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";
}
