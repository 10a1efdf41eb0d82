namespace Portolan.Kvm.Capture;

/// <summary>One place where two states differ.</summary>
/// <param name="Part">The part.</param>
/// <param name="Place">The register, MSR, component or field.</param>
/// <param name="Left">Its value in the first state; a dash where it has none.</param>
/// <param name="Right">Its value in the second state; a dash where it has none.</param>
/// <param name="Expected">Why the two may differ and the guest notices nothing wrong; null where they may not.</param>
public sealed record StateDifference(VcpuPart Part, string Place, string Left, string Right, string? Expected = null)
{
    /// <summary>Does the difference count?</summary>
    public bool Counts => Expected is null;

    /// <summary>The place and both values.</summary>
    public override string ToString() => $"{Part} {Place}: {Left} / {Right}{(Expected is null ? string.Empty : $" ({Expected})")}";
}
