using System.Collections.Immutable;

namespace Portolan.Conformance.Evmcs;

/// <summary>What a kernel and the model of its host read of the same MSR.</summary>
/// <param name="Kernel">The kernel's view.</param>
/// <param name="Model">The model's.</param>
public sealed record EvmcsPair(EvmcsView Kernel, EvmcsView Model)
{
    /// <summary>Are all four values alike?</summary>
    public bool Equal => Kernel == Model;

    /// <summary>Did code run in the guest?</summary>
    public bool GuestRan => Ran(Kernel.GuestBefore) && Ran(Kernel.GuestAfter);

    private static bool Ran(string guest) => !guest.StartsWith("not decidable", StringComparison.Ordinal);
}

/// <summary>The table of what a guest with eVMCS reads, on a kernel, beside the model's prediction of it.</summary>
/// <param name="Pairs">The rows, by the guest's Hyper-V leaves, then by MSR.</param>
public sealed record EvmcsComparison(ImmutableArray<EvmcsPair> Pairs)
{
    /// <summary>Are kernel and model alike in every value?</summary>
    public bool Ok => Pairs.All(static pair => pair.Equal);

    /// <summary>Did every RDMSR run in the guest?</summary>
    public bool GuestRan => Pairs.All(static pair => pair.GuestRan);

    /// <summary>The rows of one CPUID.</summary>
    public IEnumerable<EvmcsPair> Under(HypervLeaves hyperv) => Pairs.Where(pair => pair.Kernel.Hyperv == hyperv);

    /// <summary>Reads the table on both. A refusal of either, for want of eVMCS for instance, is answered.</summary>
    public static KvmAnswer<EvmcsComparison> Read(ConformanceSubject kernel, ConformanceSubject model)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(model);
        CpuidTable supported = kernel.Host.SupportedCpuid?.Value ?? CpuidTable.Empty;
        KvmAnswer<ImmutableArray<EvmcsView>> measured = EvmcsViews.Read(kernel.OpenProcess(), supported);
        KvmAnswer<ImmutableArray<EvmcsView>> predicted = EvmcsViews.Read(model.OpenProcess(), supported);
        return !measured.Ok ? measured.WithoutValue()
            : !predicted.Ok ? predicted.WithoutValue()
            : new EvmcsComparison([.. measured.Value.Zip(predicted.Value, static (one, other) => new EvmcsPair(one, other))]);
    }
}
