using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.X86.Cpus;

/// <summary>
/// Which line a CPU is of. Emulators and hypervisors give their CPUs the signatures of real ones, so the signature alone does not
/// tell: where CPUID shows that software made it up, there is no hardware to know.
/// </summary>
/// <param name="Line">The line; null where none has the signature, or something speaks against the one that has it.</param>
/// <param name="Against">What speaks against the line of the signature; null where nothing does, or there is no such line.</param>
public sealed record CpuIdentity(CpuLine? Line, string? Against)
{
    private static readonly CpuidFeature Hypervisor = FeatureTable.Get("hypervisor");

    // What neither firmware nor microcode nor a kernel changes, and every CPU of a line has alike unless the line says otherwise.
    private static readonly CpuidFeature[] Widths = [FeatureTable.Get("phys-bits"), FeatureTable.Get("linear-bits")];

    /// <summary>The identity of the CPU behind a CPUID table.</summary>
    /// <param name="cpuid">The CPU's own CPUID, or what KVM shows of it.</param>
    /// <param name="unknown">The bits of it that are not known; null when every bit is known.</param>
    /// <param name="isOwn">Is it the CPU's own? KVM sets the hypervisor bit for its guests and so says nothing of the host.</param>
    public static CpuIdentity Of(CpuidTable cpuid, CpuidTable? unknown, bool isOwn)
    {
        if (CpuLineTable.Identify(cpuid) is not { } line)
        {
            return new(null, null);
        }

        if (isOwn && Read(cpuid, unknown, Hypervisor) == 1)
        {
            return new(null, $"its CPUID says that it runs under a hypervisor, which made up the signature of {line}");
        }

        foreach (CpuidFeature width in Widths)
        {
            if (Read(cpuid, unknown, width) is { } found and not 0 && KnownOf(line, width) is { } always && found != always)
            {
                return new(null, string.Create(CultureInfo.InvariantCulture, $"its {width.Name} is {found}, which is {always} on every {line}: an emulator or a hypervisor made up the signature"));
            }
        }

        return new(line, null);
    }

    private static uint? KnownOf(CpuLine line, CpuidFeature field)
        => (line.Known.GetOrZero(field.Address.Leaf, field.Address.Subleaf)[field.Register] & field.RegisterMask) == field.RegisterMask
            ? field.ValueIn(line.Values.GetOrZero(field.Address.Leaf, field.Address.Subleaf))
            : null;

    private static uint? Read(CpuidTable cpuid, CpuidTable? unknown, CpuidFeature field)
        => cpuid.TryGet(field.Address.Leaf, field.Address.Subleaf, out CpuidValues values)
            && ((unknown?.GetOrZero(field.Address.Leaf, field.Address.Subleaf)[field.Register] ?? 0) & field.RegisterMask) == 0
            ? field.ValueIn(values)
            : null;
}
