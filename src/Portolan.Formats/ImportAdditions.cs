using System.Collections.Immutable;
using Portolan.Documents;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats;

/// <summary>
/// What the user says of a host beside a file that does not tell it. What the file tells is never replaced: another value is a warning,
/// another kernel is refused.
/// </summary>
public sealed record ImportAdditions
{
    private static readonly Evidence Told = new(EvidenceQuality.Recorded, "told at the import, not by the file");

    /// <summary>The kernel of the host.</summary>
    public KernelRelease? Kernel { get; init; }

    /// <summary>The kernel as the user wrote it.</summary>
    public string? KernelText { get; init; }

    /// <summary>The microcode revision.</summary>
    public string? Microcode { get; init; }

    /// <summary>The VMM's name and version.</summary>
    public string? Vmm { get; init; }

    /// <summary>Module parameters, as <c>module.parameter</c>.</summary>
    public ImmutableSortedDictionary<string, string> ModuleParameters { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// The host with what was added. A host of which only the CPU is known gets the answers that the kernel would give, derived from the
    /// exposure table; a host whose answers are known gets what the release implies beside them.
    /// </summary>
    /// <param name="file">The file as a fault names it.</param>
    /// <param name="imported">What the file told.</param>
    public Reading<ImportedHost> AddTo(string file, ImportedHost imported)
    {
        ArgumentNullException.ThrowIfNull(imported);
        HostSnapshot host = imported.Snapshot;
        List<string> warnings = [];
        if (KernelText is not null && host.KernelRelease is { } known && known.Value != KernelText)
        {
            return Reading.Refused<ImportedHost>(new InputFault(
                file,
                $"a file that leaves the kernel open, or --kernel {known.Value}",
                $"a host under kernel {Printable.OneLine(known.Value)}",
                $"leave --kernel out; 'portolan host predict --kernel {KernelText}' tells what the host would be under it"));
        }

        host = host with
        {
            Microcode = Add("microcode", host.Microcode, Microcode, warnings),
            Vmm = Add("VMM", host.Vmm, Vmm, warnings),
            ModuleParameters = AddParameters(host.ModuleParameters, warnings),
        };
        host = AddKernel(host);
        return Reading.Of(imported with { Snapshot = host, Remarks = [.. imported.Remarks, .. warnings] });
    }

    private static Fact<string>? Add(string what, Fact<string>? known, string? told, List<string> warnings)
    {
        if (known is not null && told is not null && known.Value != told)
        {
            warnings.Add($"{what}: the file says {Printable.Quote(known.Value)} ({known.Evidence.How}), not {Printable.Quote(told)} as told; the file's stays");
        }

        return known ?? (told is null ? null : new Fact<string>(told, Told));
    }

    private Fact<ImmutableSortedDictionary<string, string>>? AddParameters(Fact<ImmutableSortedDictionary<string, string>>? known, List<string> warnings)
    {
        if (ModuleParameters.IsEmpty)
        {
            return known;
        }

        ImmutableSortedDictionary<string, string> all = ModuleParameters;
        foreach ((string name, string value) in known?.Value ?? all.Clear())
        {
            if (all.TryGetValue(name, out string? told) && told != value)
            {
                warnings.Add($"module parameter {Printable.OneLine(name)}: the file says {Printable.Quote(value)}, not {Printable.Quote(told)} as told; the file's stays");
            }

            all = all.SetItem(name, value);
        }

        return new Fact<ImmutableSortedDictionary<string, string>>(all, Told);
    }

    private HostSnapshot AddKernel(HostSnapshot host)
    {
        if (host.KernelRelease is null && Kernel is { } kernel)
        {
            return host.SupportedCpuid is null
                ? Predictor.WithKernel(host, kernel)
                : Predictor.Complete(host with { KernelRelease = new Fact<string>(KernelText ?? kernel.ToString(), Told) });
        }

        // Several files of one host may tell its CPU and its kernel and leave KVM's answers open.
        return host is { SupportedCpuid: null, NativeCpuid: not null, KernelRelease: { } release } && KernelRelease.TryParse(release.Value, host.KernelVersion?.Value, out KernelRelease said)
            ? Predictor.WithKernel(host with { KernelRelease = null }, said) with { KernelRelease = release, KernelVersion = host.KernelVersion }
            : host;
    }
}
