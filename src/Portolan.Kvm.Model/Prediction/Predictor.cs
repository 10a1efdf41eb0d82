using System.Collections.Concurrent;
using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>
/// The snapshot a host would have under another kernel, or a CPU line would have under some kernel. Pure: the tables and the
/// argument decide. What neither says is unknown in the answer.
/// </summary>
public static class Predictor
{
    private const int DynamicComponent = 18;
    private const int MostKept = 64; // releases of one fleet; of more the rest is made anew each time
    private static readonly ConcurrentDictionary<KernelRelease, ImmutableSortedDictionary<string, Fact<string>>> UpstreamBehaviours = new();

    /// <summary>
    /// The same hardware under another upstream release. What was seen stays as far as both releases treat it alike; what they
    /// treat differently is worked out from the CPU's own CPUID, else from what the known kernel shows of it, else from its line.
    /// Components that need permission count as permitted unless the snapshot says that they are not.
    /// </summary>
    public static HostSnapshot WithKernel(HostSnapshot host, KernelRelease target)
    {
        ArgumentNullException.ThrowIfNull(host);
        string how = $"predicted for {target}";
        HostSnapshot moved = Moved(host, target, how);
        KernelRelease? from = KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease parsed) ? parsed : null;
        CpuidVendor? vendor = host.AnyCpuid is { } cpuid ? CpuLineTable.VendorOf(cpuid) : null;
        if (vendor is null || (from is null && host.NativeCpuid is null))
        {
            return moved;
        }

        Exposure? there = from is { } release ? Exposure.Of(release, vendor.Value) : null;
        Exposure then = Exposure.Of(target, vendor.Value);
        Parameters parameters = Parameters.Of(host, there);
        return Hardware.Of(host, there, parameters) is { } hardware
            ? Fill(moved, host, new Step(there, then, there is null ? null : CpuidChanges.Between(there, then)), new Conditions(hardware, parameters), new Conditions(hardware, parameters), how)
            : moved;
    }

    /// <summary>
    /// What a CPU of the line shows under an upstream release with the module's default parameters, all of it derived. Module
    /// parameters whose default the kernel's configuration decides, and what firmware and microcode decide, make their bits unknown.
    /// </summary>
    public static HostSnapshot ForCpu(CpuLine line, KernelRelease target)
    {
        ArgumentNullException.ThrowIfNull(line);
        string how = $"predicted for {line} and {target}";
        HostSnapshot bare = new() { Name = $"{line.Name} {target}" };
        Conditions conditions = new(Hardware.Of(line), Parameters.Defaults);
        HostSnapshot filled = Fill(Moved(bare, target, how), bare, new Step(null, Exposure.Of(target, line.Vendor), null), conditions, conditions, how);
        return filled with
        {
            KvmModule = Derived(line.Vendor == CpuidVendor.Intel ? "kvm_intel" : "kvm_amd", how),
            MxcsrMask = Derived(line.MxcsrMask, how),
        };
    }

    /// <summary>What stays when only the kernel changes.</summary>
    private static HostSnapshot Moved(HostSnapshot host, KernelRelease target, string how) => new()
    {
        Name = host.Name,
        NativeCpuid = host.NativeCpuid,
        UnknownNativeBits = host.UnknownNativeBits,
        NativeCpuidIsPartial = host.NativeCpuidIsPartial,
        NativeMsrs = host.NativeMsrs,
        GuestPermission = host.GuestPermission,
        MxcsrMask = host.MxcsrMask,
        Microcode = host.Microcode,
        KvmModule = host.KvmModule,
        ModuleParameters = host.ModuleParameters,
        TscKhz = host.TscKhz,
        Vmm = host.Vmm,
        MachineTypes = host.MachineTypes,
        KernelRelease = Derived(target.ToString(), how),
        Behaviours = KvmBehaviours.Of(target).Known()
            .ToImmutableSortedDictionary(known => known.Key, known => Derived(known.Value, how), StringComparer.Ordinal),
    };

    /// <summary>
    /// The same host with one module parameter set: what the parameter decides in CPUID, the MSR lists and the feature MSRs is
    /// worked out anew, everything else stays. The value is given as the module takes it: 0, 1, N, Y.
    /// </summary>
    public static HostSnapshot WithModuleParameter(HostSnapshot host, string name, string value)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(value);
        string how = $"predicted for {name}={value}";
        ImmutableSortedDictionary<string, string> parameters = host.ModuleParameters?.Value ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
        HostSnapshot set = host with { PartlyKnownFeatureMsrs = null, ModuleParameters = Derived(parameters.SetItem(name, value), how) };
        CpuidVendor? vendor = host.AnyCpuid is { } cpuid ? CpuLineTable.VendorOf(cpuid) : null;
        if (vendor is null || !KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease release))
        {
            return set;
        }

        Exposure exposure = Exposure.Of(release, vendor.Value);
        Parameters before = Parameters.Of(host, exposure);
        return Hardware.Of(host, exposure, before) is { } hardware
            ? Fill(set, host, new Step(exposure, exposure, CpuidChanges.OfParameter(exposure, name)), new Conditions(hardware, before), new Conditions(hardware, before.With(name, value)), how)
            : set;
    }

    /// <summary>
    /// A host as another tool recorded it, completed by what its release and its CPU's line imply: the module, the behaviours and the
    /// capabilities that nobody asked for. What was recorded stays; what is filled in is derived.
    /// </summary>
    public static HostSnapshot Complete(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        CpuidVendor? vendor = host.AnyCpuid is { } cpuid ? CpuLineTable.VendorOf(cpuid) : null;
        if (vendor is not (CpuidVendor.Intel or CpuidVendor.Amd) || !KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease release))
        {
            return host;
        }

        string how = $"upstream {release}";
        ImmutableSortedDictionary<string, Fact<string>> behaviours = Upstream(release);
        if (!host.Behaviours.IsEmpty)
        {
            behaviours = behaviours.SetItems(host.Behaviours);
        }

        Exposure exposure = Exposure.Of(release, vendor.Value);
        Parameters parameters = Parameters.Of(host, exposure);
        Conditions? conditions = Hardware.Of(host, exposure, parameters) is { } hardware ? new Conditions(hardware, parameters) : null;
        return host with
        {
            KvmModule = host.KvmModule ?? Derived(vendor == CpuidVendor.Intel ? "kvm_intel" : "kvm_amd", how),
            Behaviours = behaviours,
            Capabilities = host.Capabilities ?? (conditions is null ? null : Derived(ImpliedCapabilities(host, exposure, conditions), how)),
        };
    }

    /// <summary>What an upstream release is known to do; found once for the hosts of a fleet, which have few releases.</summary>
    private static ImmutableSortedDictionary<string, Fact<string>> Upstream(KernelRelease release)
    {
        if (UpstreamBehaviours.TryGetValue(release, out ImmutableSortedDictionary<string, Fact<string>>? known))
        {
            return known;
        }

        string how = $"upstream {release}";
        known = KvmBehaviours.Of(release).Known().ToImmutableSortedDictionary(row => row.Key, row => Derived(row.Value, how), StringComparer.Ordinal);
        return UpstreamBehaviours.Count < MostKept ? UpstreamBehaviours.GetOrAdd(release, known) : known;
    }

    private static ImmutableSortedDictionary<string, long> ImpliedCapabilities(HostSnapshot host, Exposure exposure, Conditions conditions)
    {
        ShownCpuid shown = new(exposure, conditions, DynamicPermitted(host));
        return new MsrPrediction(exposure, conditions, _ => true).Capabilities(shown.Xsave.StandardSize);
    }

    /// <summary>From which release to which, and what that changes; without a first one nothing was seen.</summary>
    private sealed record Step(Exposure? There, Exposure Then, CpuidChanges? Changes);

    private static HostSnapshot Fill(HostSnapshot moved, HostSnapshot host, Step step, Conditions before, Conditions conditions, string how)
    {
        Exposure then = step.Then;
        bool? permitted = DynamicPermitted(host);
        ShownCpuid shown = new(then, conditions, permitted);
        CpuidObservation? seen = step is { There: { } there, Changes: { } changes } && host.SupportedCpuid is { } supported
            ? new CpuidObservation(supported.Value, host.UnknownCpuidBits, host.SupportedCpuidIsPartial, new ShownCpuid(there, before, permitted), changes)
            : null;
        PredictedCpuid cpuid = new CpuidPrediction(shown, seen).Predict();
        HostSnapshot filled = moved with
        {
            SupportedCpuid = Derived(cpuid.Table, how),
            UnknownCpuidBits = cpuid.UnknownBits,
            SupportedCpuidIsPartial = cpuid.IsPartial,
            SupportedXcr0 = shown.Xsave.Supported.Complete is { } xcr0 ? Derived(xcr0, how) : null,
            SupportedXss = shown.Xsave.SupportedXss.Complete is { } xss ? Derived(xss, how) : null,
            HostXcr0 = HostXcr0(host, then, conditions) is { } own ? Derived(own, how) : null,
        };
        return step.Changes is null
            ? WithoutObservation(filled, then, conditions, shown, how)
            : WithObservation(filled, host, new MsrPrediction(then, conditions, step.Changes.Affects), shown, how);
    }

    private static HostSnapshot WithObservation(HostSnapshot filled, HostSnapshot host, MsrPrediction msrs, ShownCpuid shown, string how) => filled with
    {
        SavedMsrs = host.SavedMsrs is { } saved && msrs.List(ExposureKind.SavedMsr, saved.Value) is { } list ? Derived(list, how) : null,
        FeatureMsrIndices = host.FeatureMsrIndices is { } indices && msrs.List(ExposureKind.FeatureMsr, indices.Value) is { } features ? Derived(features, how) : null,
        FeatureMsrs = host.FeatureMsrs is { } values ? Derived(msrs.Values(values.Value), how) : null,
        Capabilities = host.Capabilities is { } capabilities ? Derived(msrs.Capabilities(capabilities.Value, shown.Xsave.StandardSize), how) : null,
    };

    private static HostSnapshot WithoutObservation(HostSnapshot filled, Exposure then, Conditions conditions, ShownCpuid shown, string how) => filled with
    {
        Capabilities = Derived(new MsrPrediction(then, conditions, _ => true).Capabilities(shown.Xsave.StandardSize), how),
    };

    /// <summary>May the process give dynamic components to guests? Null where nothing says that it may not.</summary>
    private static bool? DynamicPermitted(HostSnapshot host) => host.GuestPermission is { } permission ? permission.Value[DynamicComponent] : null;

    /// <summary>The host kernel's own XCR0: what it was, with the components that releases treat differently set anew.</summary>
    private static XFeatureMask? HostXcr0(HostSnapshot host, Exposure then, Conditions conditions)
    {
        ulong components = host.HostXcr0?.Value.Bits ?? 0;
        if (host.HostXcr0 is null)
        {
            KnownBits cpu = conditions.Hardware.Word(XsaveLeaf.Leaf, 0, CpuidRegister.Eax);
            if (conditions.Hardware.Line is null || cpu.Known == 0)
            {
                return null;
            }

            components = cpu.Value;
        }

        foreach (int component in ExposureTable.All.Where(row => row.Kind == ExposureKind.HostXfeature).Select(row => row.Bit).Distinct())
        {
            ExposureRow? row = then.Of(ExposureKind.HostXfeature).FirstOrDefault(row => row.Bit == component);
            bool? has = row is null ? false : conditions.Hold(row);
            if (has is null)
            {
                return null;
            }

            components = has.Value ? components | 1UL << component : components & ~(1UL << component);
        }

        return new XFeatureMask(components);
    }

    private static Fact<T> Derived<T>(T value, string how) => new(value, new Evidence(EvidenceQuality.Derived, how));
}
