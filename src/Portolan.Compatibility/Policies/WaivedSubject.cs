using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capabilities;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Policies;

/// <summary>The thing that a waiver is for: a CPUID feature, an MSR, an XSAVE component, a capability, or the VMM, TSC, host or guest.</summary>
public sealed class WaivedSubject
{
    private static readonly (string Word, SubjectKind Kind)[] Kinds =
        [("guest", SubjectKind.Guest), ("vmm", SubjectKind.Vmm), ("tsc", SubjectKind.Tsc), ("host", SubjectKind.Host)];

    private readonly ImmutableHashSet<Subject> _subjects;
    private readonly XFeatureMask _components;

    private WaivedSubject(string text, ImmutableHashSet<Subject> subjects, XFeatureMask components)
    {
        Text = text;
        _subjects = subjects;
        _components = components;
    }

    /// <summary>The name as it was given.</summary>
    public string Text { get; }

    /// <summary>
    /// The thing of this name: a feature as libvirt, QEMU, Linux or we call it, an MSR by name or as <c>0x…</c>, a component, a
    /// KVM_CAP_… name, or one of <c>guest</c>, <c>vmm</c>, <c>tsc</c>, <c>host</c>. A name of several things stands for all of them. Null
    /// where nothing is called so.
    /// </summary>
    public static WaivedSubject? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ImmutableHashSet<Subject>.Builder subjects = ImmutableHashSet.CreateBuilder<Subject>();
        subjects.UnionWith(FeatureTable.FindAll(name).Select(static feature => new Subject(SubjectKind.Feature, (uint)feature.Index)));
        subjects.UnionWith(Kinds.Where(kind => kind.Word == name).Select(static kind => new Subject(kind.Kind)));
        if (MsrOf(name) is { } msr)
        {
            subjects.Add(new(SubjectKind.Msr, msr));
            subjects.Add(new(SubjectKind.VmxControls, msr));
        }

        if (KvmCapability.TryFind(name, out CapabilityFact? capability))
        {
            subjects.Add(new(SubjectKind.Capability, (uint)capability.Number));
        }

        XFeatureMask components = XFeatureTable.TryFind(name, out XFeature? component) ? XFeatureMask.Of(component.Component) : XFeatureMask.None;
        if (component is not null)
        {
            subjects.Add(new(SubjectKind.Component, (uint)component.Component));
        }

        return subjects.Count == 0 ? null : new(name, subjects.ToImmutable(), components);
    }

    /// <summary>Is the finding about this alone? One about several components is only if the waiver is for each of them.</summary>
    public bool Covers(Finding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        if (finding.Subject.Kind != SubjectKind.Components)
        {
            return _subjects.Contains(finding.Subject);
        }

        XFeatureMask guest = new(finding.Guest);
        XFeatureMask lacking = guest.Except(new XFeatureMask(finding.Host));
        XFeatureMask about = lacking.IsEmpty ? guest : lacking;
        return !about.IsEmpty && about.IsSubsetOf(_components);
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static uint? MsrOf(string name)
        => name.StartsWith("0x", StringComparison.Ordinal)
            ? uint.TryParse(name.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint index) ? index : null
            : KnownMsrs.Find(name)?.Index;
}
