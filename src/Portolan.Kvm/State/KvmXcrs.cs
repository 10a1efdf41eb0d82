using System.Collections.Immutable;

namespace Portolan.Kvm.State;

/// <summary>struct kvm_xcrs: extended control registers. KVM keeps at most 16 and uses the first entry for XCR0.</summary>
/// <param name="Flags">Must be 0.</param>
/// <param name="Entries">The registers.</param>
public sealed record KvmXcrs(uint Flags, ImmutableArray<KvmXcr> Entries)
{
    /// <summary>The usual image: one entry, XCR0.</summary>
    public static KvmXcrs Xcr0(ulong value) => new(0, [new KvmXcr(0, value)]);

    /// <inheritdoc/>
    public bool Equals(KvmXcrs? other) => other is not null && Flags == other.Flags && Entries.AsSpan().SequenceEqual(other.Entries.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Flags, Entries.Length);
}

/// <summary>struct kvm_xcr: one extended control register.</summary>
/// <param name="Register">Its number; 0 is XCR0.</param>
/// <param name="Value">Its value.</param>
public readonly record struct KvmXcr(uint Register, ulong Value);
