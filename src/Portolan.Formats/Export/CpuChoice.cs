using System.Collections.Immutable;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats.Export;

/// <summary>A contract as a format can say it: a model, features on and off, other properties.</summary>
/// <param name="Model">The model's name in the format.</param>
/// <param name="Request">The same as QEMU is asked for it.</param>
internal sealed record CpuChoice(string Model, QemuCpuRequest Request)
{
    /// <summary>The closest that a format can say, or why there is nothing.</summary>
    public static (CpuChoice? Choice, string? Problem) For(GuestContract guest, HostSnapshot? host, ExportVocabulary words)
    {
        ContractWords wanted = ContractWords.Of(guest);
        ImmutableArray<string> enlightenments = wanted.Enlightenments(words);
        ModelDistance? nearest = words.Models
            .Where(candidate => candidate.Model.Vendor == wanted.Vendor && candidate.Model.Signatures is [var first, ..] && first.Family == wanted.Signature.Family)
            .Select(candidate => ModelDistance.Between(wanted, enlightenments, candidate.Name, candidate.Model, words))
            .Order().FirstOrDefault();
        if (nearest is null)
        {
            return (null, $"no model of {wanted.Vendor} {wanted.Signature} is known to the format");
        }

        QemuCpuRequest request = new()
        {
            Base = QemuCpuBase.Model,
            Model = nearest.Model,
            Features = nearest.Switches,
            Settings = wanted.Settings(nearest.Model).Where(setting => words.Settings.Contains(setting.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal),
            MachineType = words.CarriesMachineType ? guest.MachineType : null,
        };
        return (new CpuChoice(nearest.Name, WithLevels(guest, request, host, words)), null);
    }

    /// <summary>The levels that the features do not raise by themselves.</summary>
    private static QemuCpuRequest WithLevels(GuestContract guest, QemuCpuRequest request, HostSnapshot? host, ExportVocabulary words)
    {
        if (QemuExpansion.From(request, host).Contract is not { } plain)
        {
            return request;
        }

        ImmutableSortedDictionary<string, string> settings = request.Settings;
        foreach ((string name, string value) in ContractWords.Levels(guest.Cpuid, plain.Cpuid).Where(level => words.Settings.Contains(level.Name)))
        {
            settings = settings.SetItem(name, value);
        }

        return request with { Settings = settings };
    }
}
