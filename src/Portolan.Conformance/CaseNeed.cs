namespace Portolan.Conformance;

/// <summary>Something that a subject must have for a case to make sense.</summary>
/// <param name="Text">What, in words.</param>
/// <param name="Missing">Why the subject lacks it; null if it has it.</param>
public sealed record CaseNeed(string Text, Func<CaseRun, string?> Missing)
{
    /// <summary>A host with XSAVE.</summary>
    internal static CaseNeed Xsave { get; } = new("XSAVE", static run => run.Supported.IsEmpty ? "the host has no XSAVE" : null);

    /// <summary>A host without XSAVE.</summary>
    internal static CaseNeed NoXsave { get; } = new("no XSAVE", static run => run.Supported.IsEmpty ? null : "the host has XSAVE");

    /// <summary>kvm_intel, or a KVM with its nested VMX.</summary>
    internal static CaseNeed Vmx { get; } = new("VMX", static run => run.HasVmx ? null : "KVM here gives guests no VMX");

    /// <summary>kvm_intel's own MSRs.</summary>
    internal static CaseNeed IntelModule { get; } = new("kvm_intel", static run => run.IsIntel switch
    {
        null => "it is not known which vendor module KVM here has",
        false => "KVM here is not kvm_intel",
        _ => null,
    });

    /// <summary>Nested SVM.</summary>
    internal static CaseNeed Svm { get; } = new("SVM", static run => run.HasSvm ? null : "KVM here gives guests no SVM");

    /// <summary>eVMCS can be enabled.</summary>
    internal static CaseNeed Evmcs { get; } = new("eVMCS", static run => run.Capability("KVM_CAP_HYPERV_ENLIGHTENED_VMCS") switch
    {
        null => "it is not known whether KVM here has eVMCS",
        0 => "KVM here has no eVMCS",
        _ => run.HasVmx ? null : "KVM here gives guests no VMX",
    });

    /// <summary>A dynamic component that KVM supports and this process may give to guests.</summary>
    internal static CaseNeed Dynamic { get; } = new("a dynamic component", static run
        => run.Supported.Overlaps(XFeatureTable.Dynamic) ? null : "the host supports no dynamic component");

    /// <summary>A process that created no vCPU yet.</summary>
    internal static CaseNeed OwnProcess { get; } = new("a process of its own", static run
        => run.HasOwnProcess ? null : "the permissions of this process were fixed by its first vCPU: the case needs a process of its own");

    /// <summary>A CPU that KVM can ask.</summary>
    internal static CaseNeed RealCpu { get; } = new("a CPU", static run
        => run.HasOwnProcess ? "KVM tries the value on the CPU, and a model has none" : null);

    /// <summary>A kernel: the model does not follow what KVM does there, and says so.</summary>
    internal static CaseNeed NotModelled(string what) => new("a kernel", run => run.HasOwnProcess ? $"a model {what}" : null);

    /// <summary>A capability that KVM_CHECK_EXTENSION knows.</summary>
    internal static CaseNeed Capability(string name) => new(name, run => run.Capability(name) switch
    {
        null => $"the snapshot does not say {name}",
        0 => $"KVM here lacks {name}",
        _ => null,
    });

    /// <summary>A capability that this kernel does not have.</summary>
    internal static CaseNeed NoCapability(string name) => new($"no {name}", run => run.Capability(name) switch
    {
        null => $"the snapshot does not say {name}",
        0 => null,
        _ => $"KVM here has {name}",
    });

    /// <summary>A CPUID feature that KVM supports.</summary>
    internal static CaseNeed Feature(string name) => new($"CPUID {name}", run => run.Offers(name) switch
    {
        null => $"it is not known whether KVM here supports {name}",
        false => $"KVM here does not support {name}",
        _ => null,
    });

    /// <summary>A component that KVM supports.</summary>
    internal static CaseNeed Component(XFeature feature) => new($"XSAVE component {feature.Name}", run
        => run.Supported[feature.Component] ? null : $"KVM here does not support {feature.Name}");

    /// <summary>A component that KVM does not support.</summary>
    internal static CaseNeed NoComponent(int component) => new($"no XSAVE component {component}", run
        => run.Supported[component] ? $"KVM here supports component {component}" : null);

    /// <summary>An MSR of the lists of KVM_GET_MSR_INDEX_LIST or KVM_GET_MSR_FEATURE_INDEX_LIST.</summary>
    internal static CaseNeed Msr(uint index) => new(KnownMsrs.Describe(index), run => run.Lists(index) switch
    {
        null => "the snapshot does not have the MSR lists",
        false => $"KVM here does not list {KnownMsrs.Describe(index)}",
        _ => null,
    });

    /// <summary>A module parameter's value; where the snapshot has no parameters, the usual one is taken.</summary>
    internal static CaseNeed Parameter(string name, string value) => new($"{name} = {value}", run
        => run.Host.ModuleParameters?.Value.GetValueOrDefault(name, value) is { } other && other != value ? $"{name} is {other} here" : null);

    /// <summary>A behaviour's value.</summary>
    internal static CaseNeed Behaviour(string id, params string[] values) => new($"{id} = {string.Join(" or ", values)}", run => run.Behaviours[id] switch
    {
        null => $"the snapshot does not say {id}",
        { } value when values.Contains(value) => null,
        { } value => $"{id} is {value} here",
    });
}
