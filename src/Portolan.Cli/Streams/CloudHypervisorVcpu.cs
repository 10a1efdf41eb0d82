using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>A vCPU of a Cloud Hypervisor snapshot. Cloud Hypervisor writes every MSR that the source listed, and goes on with a warning where KVM refuses one.</summary>
internal sealed class CloudHypervisorVcpu(VcpuState saved) : JudgedVcpu
{
    private const uint FirstSyntheticMsr = 0x40000000; // Hyper-V's, which the engines judge whether or not they are listed.
    private const uint LastSyntheticMsr = 0x400001ff;

    /// <inheritdoc/>
    public override uint Id => saved.Id;

    /// <inheritdoc/>
    public override XFeatureMask? Xcr0 => saved.Xcrs?.Entries is [{ Register: 0 } xcr0, ..] ? new XFeatureMask(xcr0.Value) : null;

    /// <inheritdoc/>
    public override XFeatureMask? XstateBv => ReadOnlyXsaveImage.TryOpen(saved.Xsave.AsSpan(), out ReadOnlyXsaveImage image, out _) ? image.XstateBv : null;

    /// <inheritdoc/>
    public override ulong? Cr4 => saved.Sregs?.Registers.Cr4;

    /// <inheritdoc/>
    public override bool UsesHyperv => saved.Msrs.Any(static msr => IsSynthetic(msr) && msr.Value != 0);

    /// <inheritdoc/>
    public override bool UsesEvmcs => false;

    /// <inheritdoc/>
    public override VcpuState StateOn(XsaveLayout layout, ImmutableArray<uint>? listed) => saved with { Msrs = [.. saved.Msrs.Where(msr => !IsUnlisted(msr, listed))] };

    /// <inheritdoc/>
    public override IEnumerable<DroppedMsr> Dropped(ImmutableArray<uint>? listed) => [];

    /// <inheritdoc/>
    public override IEnumerable<UnjudgedState> Unjudged(int? width, ImmutableArray<uint>? listed)
    {
        foreach (MsrValue msr in saved.Msrs.Where(msr => IsUnlisted(msr, listed) && msr.Value != 0))
        {
            yield return new UnjudgedState(Id, $"{msr} ({KnownMsrs.Find(msr.Index)?.Name ?? "unknown"})", "the host does not list it; where KVM refuses it, Cloud Hypervisor goes on without it") { IsUnknown = true };
        }

        if (saved.MpState is { } state and not KvmMpState.Runnable)
        {
            yield return WaitingState(Id, state);
        }
    }

    private static bool IsUnlisted(MsrValue msr, ImmutableArray<uint>? listed) => listed is { } known && !known.Contains(msr.Index) && !IsSynthetic(msr);

    private static bool IsSynthetic(MsrValue msr) => msr.Index is >= FirstSyntheticMsr and <= LastSyntheticMsr;
}
