using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Msr;
using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What the clauses ask of a host, computed once from its snapshot.</summary>
internal sealed class HostFacts
{
    private const string Amd = "kvm_amd";
    private const string Intel = "kvm_intel";
    private readonly long?[] _capabilities = new long?[KvmCapability.All.Max(static capability => capability.Number) + 1];
    private readonly ModelFeatures _possible;
    private readonly FrozenDictionary<uint, MsrFact> _msrs;
    private readonly HashSet<uint> _listed;
    private readonly HashSet<CpuidFeature> _paravirtual;

    public HostFacts(JudgedHost host)
    {
        Host = host;
        HostSnapshot snapshot = host.Snapshot;
        Supported = snapshot.SupportedXcr0?.Value ?? XFeatureMask.None;
        Offered = snapshot.SupportedCpuid?.Value;
        Words = Offered is null ? null : CpuidWords.Of(Offered);
        WordsUnpermitted = Words;
        if (Words is not null && Supported.Overlaps(XFeatures.Dynamic) && Offered!.TryGet(XsaveLeaf.Leaf, 0, out _))
        {
            Words = WithUserComponents(Words, Supported);
            WordsUnpermitted = WithUserComponents(Words, Supported.Except(XFeatures.Amx));
        }

        UnknownWords = ReadUnknown(snapshot);
        Features = Offered is null ? null : ModelFeatures.Of(Offered);
        _possible = Offered is null
            ? new ModelFeatures(ulong.MaxValue)
            : new ModelFeatures(Features!.Value.Bits | ModelFeatures.Open(Offered, snapshot.UnknownCpuidBits, snapshot.SupportedCpuidIsPartial).Bits);
        IsAmd = snapshot.KvmModule?.Value is Amd || (snapshot.KvmModule?.Value is not Intel && NamesAmd(snapshot.AnyCpuid));
        Vmx = PartlyKnownMsr.VmxOf(snapshot);
        Places = ReadPlaces(snapshot, out ImmutableArray<string> missing);
        MissingForAll = missing;
        foreach (CapabilityFact capability in KvmCapability.All)
        {
            if (snapshot.Capabilities?.Value.TryGetValue(capability.Name, out long value) is true)
            {
                _capabilities[capability.Number] = value;
            }
        }

        _paravirtual = [.. ParavirtClauses.Of(Offered ?? CpuidTable.Empty).Where(static field => field.Space == CpuidSpace.Kvm),
            .. ParavirtClauses.Of(snapshot.HypervCpuid?.Value ?? CpuidTable.Empty).Where(static field => field.Space == CpuidSpace.HyperV)];
        _msrs = ReadMsrs(snapshot);
        Listed = snapshot.SavedMsrs?.Value;
        _listed = [.. Listed ?? []];
        Judged = [.. (Listed ?? []).Where(index => Msr(index) is { Kind: not (MsrTreatment.Stored or MsrTreatment.Vmx) })];
    }

    public JudgedHost Host { get; }

    public HostSnapshot Snapshot => Host.Snapshot;

    public KvmBehaviours Behaviours => Host.Behaviours;

    /// <summary>Facts without which nothing can be said of any guest; empty if all are there.</summary>
    public ImmutableArray<string> MissingForAll { get; }

    /// <summary>S (contract 1.6).</summary>
    public XFeatureMask Supported { get; }

    /// <summary>D of a vCPU without dynamic components.</summary>
    public XFeatureMask Default => Supported.Except(XFeatures.Dynamic);

    /// <summary>The components that the host kernel knows; what can be requested is among them.</summary>
    public XFeatureMask Kernel => Snapshot.HostXcr0?.Value ?? Supported;

    /// <summary>Has the host XSAVE?</summary>
    public bool HasXsave => !Supported.IsEmpty;

    /// <summary>KVM_GET_SUPPORTED_CPUID; null if it is not known.</summary>
    public CpuidTable? Offered { get; }

    /// <summary>Its registers, for a process that has every permission.</summary>
    public uint[]? Words { get; }

    /// <summary>Its registers for a process without permission for dynamic components (contract X9).</summary>
    private uint[]? WordsUnpermitted { get; }

    /// <summary>The bits of them that are not known; null if all are.</summary>
    public uint[]? UnknownWords { get; }

    /// <summary>The features of it that KVM's checks ask for.</summary>
    public ModelFeatures? Features { get; }

    /// <summary>Offset and size of each component as the hardware has it, by number.</summary>
    public (int Offset, int Size)[] Places { get; }

    public bool IsAmd { get; }

    /// <summary>Is the vendor module kvm_amd, as far as the snapshot says?</summary>
    public bool IsSvm => IsAmd && Snapshot.KvmModule?.Value is null or Amd;

    /// <summary>The maxima of the VMX capability MSRs, as far as they are known; null for nothing.</summary>
    public KnownVmxCapabilities? Vmx { get; }

    /// <summary>KVM_GET_MSR_INDEX_LIST; null if it is not known.</summary>
    public ImmutableArray<uint>? Listed { get; }

    /// <summary>Of them, those whose value KVM judges when it is written.</summary>
    public ImmutableArray<uint> Judged { get; }

    /// <summary>CR4 bits, of those that need a feature, that the host has; null if its CPUID is not known.</summary>
    public ulong? Cr4Allowed => Features is { } features ? ControlRegisters.Permitted(ControlRegisters.Cr4Features, features) : null;

    /// <summary>These and those of which the snapshot does not tell whether the host has them.</summary>
    public ulong Cr4Possible => ControlRegisters.Permitted(ControlRegisters.Cr4Features, _possible);

    /// <summary>EFER bits, of those that need a feature, that the host has; null if its CPUID is not known.</summary>
    public ulong? EferAllowed => Features is { } features ? ControlRegisters.Permitted(ControlRegisters.EferFeatures, features) : null;

    /// <summary>These and those of which the snapshot does not tell whether the host has them.</summary>
    public ulong EferPossible => ControlRegisters.Permitted(ControlRegisters.EferFeatures, _possible);

    /// <summary>The registers of KVM_GET_SUPPORTED_CPUID as a process with these dynamic components sees it.</summary>
    public uint[]? WordsFor(XFeatureMask permitted) => XFeatures.Dynamic.IsSubsetOf(permitted) ? Words : WordsUnpermitted;

    /// <summary>KVM_CHECK_EXTENSION; null if it is not known.</summary>
    public long? Capability(uint number) => number < _capabilities.Length ? _capabilities[number] : null;

    /// <summary>Has KVM here a paravirtual feature?</summary>
    public bool Has(CpuidFeature paravirtual) => _paravirtual.Contains(paravirtual);

    /// <summary>How KVM here treats an MSR; null if it does not know it.</summary>
    public MsrFact? Msr(uint index) => _msrs.TryGetValue(index, out MsrFact fact) ? fact : null;

    /// <summary>Does KVM_GET_MSR_INDEX_LIST have the MSR?</summary>
    public bool Lists(uint index) => _listed.Contains(index);

    /// <summary>Where the hardware has a component; all 0 if that is not known.</summary>
    public (int Offset, int Size) PlaceOf(int component) => component < Places.Length ? Places[component] : default;

    /// <summary>The end of a standard-format image with these components, in bytes.</summary>
    public int SizeOf(XFeatureMask components)
    {
        int end = XsaveLayout.MinimumSize;
        foreach (int component in components.Except(XFeatureMask.Legacy).Components())
        {
            end = component < Places.Length ? Math.Max(end, Places[component].Offset + Places[component].Size) : end;
        }

        return end;
    }

    private static bool NamesAmd(CpuidTable? table) => table?.GetOrZero(CpuidLeaf.Vendor).Ebx is CpuidLeaf.AmdEbx or CpuidLeaf.HygonEbx;

    private static uint[] WithUserComponents(uint[] words, XFeatureMask components)
    {
        uint[] changed = [.. words];
        changed[CpuidWords.UserComponentsLow] = (uint)components.Bits;
        changed[CpuidWords.UserComponentsHigh] = (uint)(components.Bits >> 32);
        return changed;
    }

    /// <summary>The bits that the snapshot does not tell: those it says so of, and, where it is partial, every leaf that it lacks.</summary>
    private static uint[]? ReadUnknown(HostSnapshot snapshot)
    {
        if (snapshot.UnknownCpuidBits is null && !snapshot.SupportedCpuidIsPartial)
        {
            return null;
        }

        uint[] unknown = CpuidWords.Of(snapshot.UnknownCpuidBits ?? CpuidTable.Empty);
        return snapshot.SupportedCpuidIsPartial ? CpuidWords.MarkAbsent(snapshot.SupportedCpuid?.Value ?? CpuidTable.Empty, unknown) : unknown;
    }

    private (int Offset, int Size)[] ReadPlaces(HostSnapshot snapshot, out ImmutableArray<string> missing)
    {
        List<string> names = [];
        if (snapshot.SupportedXcr0 is null)
        {
            names.Add("supportedXcr0");
        }

        if (snapshot.AnyCpuid is null)
        {
            names.Add("supportedCpuid");
        }

        (int Offset, int Size)[] places = new (int, int)[63];
        for (uint component = 2; component < places.Length; component++)
        {
            CpuidValues values = default;
            bool known = snapshot.NativeCpuid?.Value.TryGet(CpuidLeaf.Xsave, component, out values) is true
                || snapshot.SupportedCpuid?.Value.TryGet(CpuidLeaf.Xsave, component, out values) is true;
            if (known && values.Eax is > 0 and <= ushort.MaxValue && values.Ebx <= ushort.MaxValue)
            {
                bool supervisor = (values.Ecx & 1) != 0;
                places[component] = (supervisor ? 0 : (int)values.Ebx, (int)values.Eax);
            }
            else if (Supported.Except(XFeatureMask.Legacy)[(int)component])
            {
                names.Add(string.Create(CultureInfo.InvariantCulture, $"nativeCpuid {new CpuidAddress(CpuidLeaf.Xsave, component)}"));
            }
        }

        missing = [.. names];
        return places;
    }

    private FrozenDictionary<uint, MsrFact> ReadMsrs(HostSnapshot snapshot)
    {
        HashSet<uint> listed = [.. snapshot.SavedMsrs?.Value ?? [], .. snapshot.FeatureMsrIndices?.Value ?? []];
        Dictionary<uint, MsrFact> facts = [];
        HashSet<uint> ruled = [];
        foreach (ModelMsr written in ModelMsrTable.All)
        {
            ModelMsr row = written.On(Behaviours, snapshot.KvmModule?.Value);
            bool present = row.Presence switch
            {
                MsrPresence.Always => true,
                MsrPresence.Amd => IsAmd,
                MsrPresence.Intel => !IsAmd,
                _ => listed.Contains(row.Index),
            };
            if (present)
            {
                ruled.Add(row.Index);
                ulong maximum = 0;
                bool unknown = row.StartsAtMaximum && snapshot.FeatureMsrs?.Value.TryGet(row.Index, out maximum) is not true;
                facts[row.Index] = new MsrFact(row.Kind, row.StartsAtMaximum ? maximum : row.Initial, unknown, row.StartsAtMaximum, row.Needs);
            }
        }

        foreach (uint index in listed.Where(index => !ruled.Contains(index)))
        {
            facts[index] = new MsrFact(ModelMsr.Unruled(index, snapshot.KvmModule?.Value), 0, false, false, null);
        }

        return facts.ToFrozenDictionary();
    }
}

/// <summary>How a host's KVM treats an MSR.</summary>
/// <param name="Kind">By which rule.</param>
/// <param name="Initial">A new vCPU's value.</param>
/// <param name="IsInitialUnknown">Does the snapshot not tell it?</param>
/// <param name="StartsAtMaximum">Is it the host's maximum?</param>
/// <param name="Needs">The PV feature that it belongs to.</param>
internal readonly record struct MsrFact(MsrTreatment Kind, ulong Initial, bool IsInitialUnknown, bool StartsAtMaximum, string? Needs);
