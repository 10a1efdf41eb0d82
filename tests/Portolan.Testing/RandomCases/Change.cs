using System.Collections.Immutable;

namespace Portolan.Testing.RandomCases;

/// <summary>One change of a thing, that can be left out again when a failing case is shrunk.</summary>
/// <param name="Name">What it does, for a description.</param>
/// <param name="Apply">Does it.</param>
public sealed record Change<T>(string Name, Func<T, T> Apply);

/// <summary>A thing made of another and changes.</summary>
/// <param name="name">What the changes start from.</param>
/// <param name="start">It.</param>
/// <param name="changes">The changes, in order.</param>
public sealed class Recipe<T>(string name, T start, ImmutableArray<Change<T>> changes)
    where T : class
{
    private T? _made;

    /// <summary>What the changes start from.</summary>
    public string Name => name;

    /// <summary>The changes, in order.</summary>
    public ImmutableArray<Change<T>> Changes => changes;

    /// <summary>The thing.</summary>
    public T Make() => _made ??= changes.Aggregate(start, static (thing, change) => change.Apply(thing));

    /// <summary>The same without one change.</summary>
    public Recipe<T> Without(int change) => new(name, start, changes.RemoveAt(change));

    /// <summary>The same with one change more.</summary>
    public Recipe<T> With(Change<T> change) => new(name, start, changes.Add(change));

    /// <summary>The base and the changes.</summary>
    public override string ToString() => Changes.IsEmpty ? Name : $"{Name} ({string.Join("; ", Changes.Select(change => change.Name))})";
}
