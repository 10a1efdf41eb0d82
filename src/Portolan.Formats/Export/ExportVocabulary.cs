using System.Collections.Immutable;
using Portolan.X86.Models;

namespace Portolan.Formats.Export;

/// <summary>What a format that describes a CPU by a model and names can say.</summary>
/// <param name="Models">The models it may name: the name it takes, and the model that QEMU makes of it.</param>
/// <param name="NameOf">Its name of a feature or an enlightenment; null where it has none.</param>
/// <param name="Settings">QEMU's other properties that it can say.</param>
/// <param name="CarriesMachineType">Does it name the machine type?</param>
internal sealed record ExportVocabulary(
    ImmutableArray<(string Name, CpuModel Model)> Models,
    Func<QemuProperty, string?> NameOf,
    ImmutableHashSet<string> Settings,
    bool CarriesMachineType);
