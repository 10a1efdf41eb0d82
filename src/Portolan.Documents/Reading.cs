using System.Diagnostics.CodeAnalysis;

namespace Portolan.Documents;

/// <summary>What reading an input gave: a value or one fault, never both.</summary>
public readonly record struct Reading<T>
    where T : class
{
    internal Reading(T? value, InputFault? fault)
    {
        Value = value;
        Fault = fault;
    }

    /// <summary>The value; null with a fault.</summary>
    public T? Value { get; }

    /// <summary>The fault; null with a value.</summary>
    public InputFault? Fault { get; }

    /// <summary>Was the input accepted?</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Fault))]
    public bool Ok => Fault is null;

    /// <summary>The value or the fault's line.</summary>
    public override string ToString() => Ok ? $"{Value}" : Fault.ToString();
}

/// <summary>Makes <see cref="Reading{T}"/>s.</summary>
public static class Reading
{
    /// <summary>An accepted input.</summary>
    public static Reading<T> Of<T>(T value)
        where T : class => new(value, null);

    /// <summary>A refused input.</summary>
    public static Reading<T> Refused<T>(InputFault fault)
        where T : class => new(null, fault);
}
