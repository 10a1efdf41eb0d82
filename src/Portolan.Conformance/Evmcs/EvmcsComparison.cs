using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Vmx;

namespace Portolan.Conformance.Evmcs;

/// <summary>What a kernel and the model of its host read of the same MSR.</summary>
/// <param name="Kernel">The kernel's view.</param>
/// <param name="Model">The model's.</param>
/// <param name="Reason">Why they differ, where the kernel is known to do so; null where they do not, or nobody knows why.</param>
public sealed record EvmcsPair(EvmcsView Kernel, EvmcsView Model, string? Reason = null)
{
    /// <summary>Are all four values alike?</summary>
    public bool Equal => Kernel == Model;

    /// <summary>Are they alike, or is it known why not?</summary>
    public bool Ok => Equal || Reason is not null;

    /// <summary>Did code run in the guest?</summary>
    public bool GuestRan => Ran(Kernel.GuestBefore) && Ran(Kernel.GuestAfter);

    private static bool Ran(string guest) => !guest.StartsWith("not decidable", StringComparison.Ordinal);
}

/// <summary>The table of what a guest with eVMCS reads, on a kernel, beside the model's prediction of it.</summary>
/// <param name="Pairs">The rows, by the guest's Hyper-V leaves, then by MSR.</param>
public sealed record EvmcsComparison(ImmutableArray<EvmcsPair> Pairs)
{
    /// <summary>The deviation that data/x86/vmx-secondary-cpuid.tsv explains.</summary>
    private const string FollowsCpuid = "KVM_SET_CPUID2 takes from the vCPU's own MSR the controls whose feature the guest CPUID lacks; the model leaves them to the VMM";

    /// <summary>Are kernel and model alike in every value, but for what is explained?</summary>
    public bool Ok => Pairs.All(static pair => pair.Ok);

    /// <summary>Did every RDMSR run in the guest?</summary>
    public bool GuestRan => Pairs.All(static pair => pair.GuestRan);

    /// <summary>The rows of one CPUID.</summary>
    public IEnumerable<EvmcsPair> Under(HypervLeaves hyperv) => Pairs.Where(pair => pair.Kernel.Hyperv == hyperv);

    /// <summary>Reads the table on both. A refusal of either, for want of eVMCS for instance, is answered.</summary>
    public static KvmAnswer<EvmcsComparison> Read(ConformanceSubject kernel, ConformanceSubject model)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(model);
        KvmAnswer<ImmutableArray<EvmcsView>> measured = EvmcsViews.Read(kernel.OpenProcess(), kernel.Host.SupportedCpuid?.Value ?? CpuidTable.Empty);
        return measured.Ok ? Of(measured.Value, model) : measured.WithoutValue();
    }

    /// <summary>Compares what a kernel gave with the model of its host. The model's refusal is answered.</summary>
    public static KvmAnswer<EvmcsComparison> Of(ImmutableArray<EvmcsView> measured, ConformanceSubject model)
    {
        ArgumentNullException.ThrowIfNull(model);
        CpuidTable supported = model.Host.SupportedCpuid?.Value ?? CpuidTable.Empty;
        KvmAnswer<ImmutableArray<EvmcsView>> predicted = EvmcsViews.Read(model.OpenProcess(), supported);
        return predicted.Ok ? new EvmcsComparison([.. measured.Zip(predicted.Value, (one, other) => Pair(one, other, supported))]) : predicted.WithoutValue();
    }

    /// <summary>Two views of one MSR, and why they differ if that is known.</summary>
    internal static EvmcsPair Pair(EvmcsView kernel, EvmcsView model, CpuidTable supported)
    {
        if (kernel == model || kernel.Index != MsrIndex.Ia32VmxProcbasedCtls2
            || !ulong.TryParse(model.HostBefore, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value))
        {
            return new EvmcsPair(kernel, model);
        }

        VmxControlMsr own = new(value);
        ulong lost = value & ~VmxSecondaryCpuid.Adjusted(own, own, EvmcsGuests.Table(supported, kernel.Hyperv)).Value;
        EvmcsView expected = model with
        {
            HostBefore = Without(model.HostBefore, lost),
            GuestBefore = Without(model.GuestBefore, lost),
            HostAfter = Without(model.HostAfter, lost),
            GuestAfter = Without(model.GuestAfter, lost),
        };
        return new EvmcsPair(kernel, model, kernel == expected ? FollowsCpuid : null);
    }

    private static string Without(string digits, ulong lost)
        => ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) ? (value & ~lost).ToString("x16", CultureInfo.InvariantCulture) : digits;
}
