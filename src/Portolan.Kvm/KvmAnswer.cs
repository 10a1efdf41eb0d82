namespace Portolan.Kvm;

/// <summary>What an ioctl without a result answers: done, or an errno and, from the model, the rule behind it.</summary>
public readonly record struct KvmAnswer(Errno Errno, RefusalRule? Rule = null)
{
    /// <summary>The ioctl did what was asked.</summary>
    public static KvmAnswer Done => default;

    /// <summary>Did the ioctl do what was asked?</summary>
    public bool Ok => Errno == Errno.None;

    /// <summary>Could the model not tell, because the snapshot lacks a fact?</summary>
    public bool IsUnknown => Errno == Errno.Unknown;

    /// <summary><c>ok</c>, or the errno's name.</summary>
    public override string ToString() => Ok ? "ok" : Errno.ToString();
}

/// <summary>What an ioctl with a result answers: a value, or an errno and, from the model, the rule behind it.</summary>
public readonly record struct KvmAnswer<T>
{
    private readonly T _value;

    private KvmAnswer(T value, Errno errno, RefusalRule? rule)
    {
        _value = value;
        Errno = errno;
        Rule = rule;
    }

    /// <summary>Why it refused; <see cref="Errno.None"/> if it did not.</summary>
    public Errno Errno { get; }

    /// <summary>The rule by which the model refused.</summary>
    public RefusalRule? Rule { get; }

    /// <summary>Did the ioctl answer with a value?</summary>
    public bool Ok => Errno == Errno.None;

    /// <summary>Could the model not tell, because the snapshot lacks a fact?</summary>
    public bool IsUnknown => Errno == Errno.Unknown;

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">The ioctl refused; ask <see cref="Ok"/> first.</exception>
    public T Value => Ok ? _value : throw new InvalidOperationException($"the ioctl answered {Errno}");

    /// <summary>An answer that carries a value.</summary>
    public static implicit operator KvmAnswer<T>(T value) => new(value, Errno.None, null);

    /// <summary>A refusal, passed on.</summary>
    public static implicit operator KvmAnswer<T>(KvmAnswer refusal)
        => refusal.Ok
            ? throw new ArgumentException("a success without a value cannot become a value", nameof(refusal))
            : new KvmAnswer<T>(default!, refusal.Errno, refusal.Rule);

    /// <summary>The answer without its value.</summary>
    public KvmAnswer WithoutValue() => new(Errno, Rule);

    /// <summary>The value, or <paramref name="otherwise"/> if the ioctl refused.</summary>
    public T ValueOr(T otherwise) => Ok ? _value : otherwise;

    /// <summary>The value's text, or the errno's name.</summary>
    public override string ToString() => Ok ? $"{_value}" : Errno.ToString();
}
