using System.Collections.Concurrent;
using System.Collections.Immutable;
using Portolan.X86.Cpus;
using Portolan.X86.Models;

namespace Portolan.Formats.Export;

/// <summary>How far a model is from what a contract promises: the switches that it takes, fewest first.</summary>
internal sealed record ModelDistance(string Name, CpuModel Model, ImmutableSortedDictionary<string, bool> Switches, int Unsaid, int Signature) : IComparable<ModelDistance>
{
    private const int OtherModel = 2;
    private const string NestedIntel = "vmx-";
    private static readonly ConcurrentDictionary<CpuModel, ImmutableSortedSet<string>> Made = new(ReferenceEqualityComparer.Instance);

    /// <summary>Measures a model.</summary>
    public static ModelDistance Between(ContractWords wanted, ImmutableArray<string> enlightenments, string name, CpuModel model, ExportVocabulary words)
    {
        ImmutableSortedSet<string> own = Made.GetOrAdd(model, OfModel);
        ImmutableSortedDictionary<string, bool>.Builder switches = ImmutableSortedDictionary.CreateBuilder<string, bool>(StringComparer.Ordinal);
        int unsaid = 0;
        foreach (string feature in own.SymmetricExcept(wanted.Features).Concat(enlightenments))
        {
            bool on = !own.Contains(feature);
            bool isSettled = (feature.StartsWith(NestedIntel, StringComparison.Ordinal) && !wanted.KnowsVmx) || (!on && wanted.DropsByItself(feature));
            if (isSettled || !QemuCpuFacts.TryFind(feature, out QemuProperty? property))
            {
                continue;
            }

            if (words.NameOf(property) is null)
            {
                unsaid++;
            }
            else
            {
                switches[property.Name] = on;
            }
        }

        CpuModelRange first = model.Signatures[0];
        int signature = (first.FirstModel == wanted.Signature.Model ? 0 : OtherModel) + (first.FirstStepping == wanted.Signature.Stepping ? 0 : 1);
        return new ModelDistance(name, model, switches.ToImmutable(), unsaid, signature);
    }

    /// <summary>Fewest differences, then the nearest signature, the newest version, the name.</summary>
    public int CompareTo(ModelDistance? other)
        => other is null ? -1
            : (Switches.Count + Unsaid, Signature, -Model.Version).CompareTo((other.Switches.Count + other.Unsaid, other.Signature, -other.Model.Version)) is var order and not 0 ? order
            : string.CompareOrdinal(Name, other.Name);

    /// <summary>QEMU's names of what the model has under KVM.</summary>
    private static ImmutableSortedSet<string> OfModel(CpuModel model)
    {
        SortedSet<string> on = new(model.Features.Select(QemuName).OfType<string>(), StringComparer.Ordinal) { "hypervisor" };
        foreach ((string property, bool isOn) in QemuCpuFacts.KvmDefaults)
        {
            _ = isOn ? on.Add(property) : on.Remove(property);
        }

        return on.ToImmutableSortedSet(StringComparer.Ordinal);
    }

    /// <summary>Libvirt's models spell features as libvirt does.</summary>
    private static string? QemuName(string feature)
        => QemuCpuFacts.TryFind(feature, out QemuProperty? property) ? property.Name
            : X86.Features.FeatureTable.TryFind(feature, out X86.Features.CpuidFeature? row) && row.Qemu is { } own && QemuCpuFacts.TryFind(own, out property) ? property.Name
            : null;
}
