using System.Numerics;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Msr;

/// <summary>
/// The MSRs that a host's KVM knows, each with a slot: a vCPU's MSRs are one array. Found by an open-addressed table, since every
/// capture and restore asks for each of them; slots are in the order in which a capture asks, so that mostly the next slot is it.
/// </summary>
internal sealed class MsrMap
{
    private const uint Multiplier = 0x9e3779b1;
    private const uint FirstVmx = 0x480;
    private const uint LastVmx = 0x49f;

    private readonly short[] _table;
    private readonly int _shift;
    private readonly uint[] _indices;
    private readonly MsrTreatment[] _kinds;
    private readonly ulong[] _initial;
    private readonly bool[] _unknown;
    private readonly CpuidFeature?[] _needs;
    private readonly ModelFeatures[] _required;
    private readonly MsrSlot[] _slots;
    private readonly bool[] _startsAtMaximum;
    private readonly bool _savedKnown;
    private readonly bool _featuresKnown;
    private readonly MsrTable? _features;

    private MsrMap(List<ModelMsr> rows, HostSnapshot snapshot)
    {
        _savedKnown = snapshot.SavedMsrs is not null;
        _featuresKnown = snapshot.FeatureMsrIndices is not null;
        _features = snapshot.FeatureMsrs?.Value;
        _indices = [.. rows.Select(row => row.Index)];
        _kinds = [.. rows.Select(row => row.Kind)];
        _startsAtMaximum = [.. rows.Select(row => row.StartsAtMaximum)];
        _needs = [.. rows.Select(row => row.Needs is { } name ? FeatureTable.Get(name) : null)];
        _initial = [.. rows.Select(row => row.Initial)];
        _unknown = new bool[rows.Count];
        for (int slot = 0; slot < rows.Count; slot++)
        {
            if (rows[slot].StartsAtMaximum)
            {
                ulong maximum = 0;
                _unknown[slot] = !(snapshot.FeatureMsrs?.Value.TryGet(rows[slot].Index, out maximum) ?? false);
                _initial[slot] = maximum;
            }
        }

        _required = [.. _kinds.Select(kind => MsrRules.Needs(kind) is { } feature ? ModelFeatures.Only(feature) : default)];
        _slots = [.. rows.Select((row, slot) => new MsrSlot(row.Index, JudgementOf(slot)))];
        int size = Math.Max(256, (int)BitOperations.RoundUpToPowerOf2((uint)rows.Count * 4));
        _shift = 32 - BitOperations.Log2((uint)size);
        _table = new short[size];
        Fill();
    }

    /// <summary>How many slots there are.</summary>
    public int Count => _indices.Length;

    /// <summary>A new vCPU's values, by slot.</summary>
    public ReadOnlySpan<ulong> Initial => _initial;

    /// <summary>The map of a host.</summary>
    public static MsrMap Of(ModelHost host)
    {
        HostSnapshot snapshot = host.Snapshot;
        HashSet<uint> listed = [.. snapshot.SavedMsrs?.Value ?? [], .. snapshot.FeatureMsrIndices?.Value ?? []];
        List<ModelMsr> rows = [];
        HashSet<uint> ruled = [];
        foreach (ModelMsr written in ModelMsrTable.All)
        {
            ModelMsr row = written.On(host.Behaviours, snapshot.KvmModule?.Value);
            bool present = row.Presence switch
            {
                MsrPresence.Always => true,
                MsrPresence.Intel => !host.IsAmd,
                MsrPresence.Amd => host.IsAmd,
                _ => listed.Contains(row.Index),
            };
            if (present)
            {
                rows.Add(row);
                ruled.Add(row.Index);
            }
        }

        rows.AddRange(listed.Where(index => !ruled.Contains(index)).Order().Take(short.MaxValue - rows.Count)
            .Select(index => new ModelMsr(index, ModelMsr.Unruled(index, snapshot.KvmModule?.Value), MsrPresence.Listed, 0, false, null)));
        return new MsrMap(InAskedOrder(rows, snapshot), snapshot);
    }

    /// <summary>The slot of an MSR, first looked for where it is expected; -1 if KVM does not know it.</summary>
    public int Find(uint index, int expected)
        => (uint)expected < (uint)_indices.Length && _indices[expected] == index ? expected : Find(index);

    /// <summary>The slot of an MSR; -1 if KVM does not know it.</summary>
    public int Find(uint index)
    {
        for (uint at = unchecked(index * Multiplier) >> _shift; _table[at] != 0; at = (at + 1) & (uint)(_table.Length - 1))
        {
            int slot = _table[at] - 1;
            if (_indices[slot] == index)
            {
                return slot;
            }
        }

        return -1;
    }

    /// <summary>The name of the missing fact if it is not known whether KVM knows this MSR; null if it is known that it does not.</summary>
    public string? WhyUnknown(uint index)
        => index is >= FirstVmx and <= LastVmx ? (_featuresKnown ? null : "featureMsrIndices")
            : !_savedKnown ? "savedMsrs"
            : !_featuresKnown && CanBeFeature(index) ? "featureMsrIndices"
            : null;

    private static bool CanBeFeature(uint index) => KnownMsrs.Find(index) is not { } known || (known.Listing & MsrListing.Feature) != 0;

    public MsrTreatment Kind(int slot) => _kinds[slot];

    public uint Index(int slot) => _indices[slot];

    /// <summary>The PV feature that the MSR belongs to; null for an MSR that is not KVM's own.</summary>
    public CpuidFeature? Needs(int slot) => _needs[slot];

    /// <summary>The guest feature without which the vCPU does not have the MSR; none for one that every vCPU has.</summary>
    public ModelFeatures Required(int slot) => _required[slot];

    /// <summary>How much an access by the host must judge.</summary>
    public MsrJudgement Judgement(int slot) => _slots[slot].Judgement;

    /// <summary>The slots from one on, which may be the count.</summary>
    public ReadOnlySpan<MsrSlot> SlotsFrom(int slot) => _slots.AsSpan(slot);

    /// <summary>The host's value of a feature MSR; null if the snapshot does not have it.</summary>
    public ulong? Maximum(int slot) => _features is { } known && known.TryGet(_indices[slot], out ulong maximum) ? maximum : null;

    /// <summary>Does a new vCPU start at the host's maximum?</summary>
    public bool StartsAtMaximum(int slot) => _startsAtMaximum[slot];

    /// <summary>Is a new vCPU's value unknown?</summary>
    public bool IsInitialUnknown(int slot) => _unknown[slot];

    /// <summary>As KVM_GET_MSR_INDEX_LIST has them; then the feature MSRs, which are asked for apart and by index.</summary>
    private static List<ModelMsr> InAskedOrder(List<ModelMsr> rows, HostSnapshot snapshot)
    {
        Dictionary<uint, int> places = [];
        foreach (uint index in snapshot.SavedMsrs?.Value ?? [])
        {
            _ = index is >= FirstVmx and <= LastVmx || places.TryAdd(index, places.Count);
        }

        return [.. rows.OrderBy(row => places.GetValueOrDefault(row.Index, int.MaxValue))];
    }

    private MsrJudgement JudgementOf(int slot) => _kinds[slot] switch
    {
        MsrTreatment.Stored => MsrJudgement.None,
        MsrTreatment.KvmPv => MsrJudgement.WhenPvEnforced,
        MsrTreatment.Vmx => MsrJudgement.Vmx,
        MsrTreatment.Efer or MsrTreatment.ApicBase or MsrTreatment.FsBase or MsrTreatment.GsBase or MsrTreatment.Sysenter or MsrTreatment.KvmPoll or MsrTreatment.KvmPfInt or MsrTreatment.KvmPfAck => MsrJudgement.Both,
        _ => _unknown[slot] || _required[slot] != default ? MsrJudgement.Both : MsrJudgement.Writing,
    };

    private void Fill()
    {
        for (int slot = 0; slot < _indices.Length; slot++)
        {
            uint at = unchecked(_indices[slot] * Multiplier) >> _shift;
            while (_table[at] != 0)
            {
                at = (at + 1) & (uint)(_table.Length - 1);
            }

            _table[at] = (short)(slot + 1);
        }
    }
}
