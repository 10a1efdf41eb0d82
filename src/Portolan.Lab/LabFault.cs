using System.Diagnostics.CodeAnalysis;

namespace Portolan.Lab;

/// <summary>What kind of thing stood in the way.</summary>
public enum LabFaultKind
{
    /// <summary>The machine lacks something: a program, a package, a network.</summary>
    Unavailable,

    /// <summary>An input is not what it should be: a package file, a folder, the program to run.</summary>
    BadInput,
}

/// <summary>Why the lab could not do something, in one line that also says what to do.</summary>
/// <param name="Kind">Whose fault it is.</param>
/// <param name="Message">One line for people.</param>
public sealed record LabFault(LabFaultKind Kind, string Message)
{
    /// <summary>The machine lacks something.</summary>
    public static LabFault Unavailable(string message) => new(LabFaultKind.Unavailable, message);

    /// <summary>An input is wrong.</summary>
    public static LabFault BadInput(string message) => new(LabFaultKind.BadInput, message);
}

/// <summary>A value, or why there is none.</summary>
public readonly record struct Obtained<T>
    where T : class
{
    private Obtained(T? value, LabFault? fault)
    {
        Value = value;
        Fault = fault;
    }

    /// <summary>The value; null with a fault.</summary>
    public T? Value { get; }

    /// <summary>The fault; null with a value.</summary>
    public LabFault? Fault { get; }

    /// <summary>Is there a value?</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Fault))]
    public bool Ok => Fault is null;

    /// <summary>There is a value.</summary>
    public static implicit operator Obtained<T>(T value) => new(value, null);

    /// <summary>There is none.</summary>
    public static implicit operator Obtained<T>(LabFault fault) => new(null, fault);
}
