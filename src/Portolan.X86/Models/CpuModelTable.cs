using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Portolan.X86.Models;

/// <summary>The CPU models of QEMU and libvirt (data/x86/models.tsv).</summary>
public static partial class CpuModelTable
{
    private static readonly Lazy<ImmutableArray<CpuModel>> Models = new(Build);

    private static readonly Lazy<FrozenDictionary<(CpuModelOrigin Origin, string Name), CpuModel>> ByName = new(Index);

    /// <summary>Every model: QEMU's by name and version, then libvirt's by name.</summary>
    public static ImmutableArray<CpuModel> All => Models.Value;

    /// <summary>The models of one origin.</summary>
    public static IEnumerable<CpuModel> Of(CpuModelOrigin origin) => All.Where(model => model.Origin == origin);

    /// <summary>
    /// The model with this name or alias. Letters' case counts, as it does for QEMU and libvirt. QEMU's <c>Skylake-Server</c> is
    /// version 1, as on every pc and q35 machine type; <see cref="Versions"/> gives the others.
    /// </summary>
    public static bool TryFind(CpuModelOrigin origin, string name, [NotNullWhen(true)] out CpuModel? model)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ByName.Value.TryGetValue((origin, name), out model);
    }

    /// <summary>QEMU's versions of a model by its name without a version, ascending; none where there is no such model.</summary>
    public static IEnumerable<CpuModel> Versions(string family)
        => Of(CpuModelOrigin.Qemu).Where(model => model.Family == family).OrderBy(model => model.Version);

    private static FrozenDictionary<(CpuModelOrigin Origin, string Name), CpuModel> Index()
        => All.SelectMany(model => model.Aliases.Add(model.Name), (model, name) => ((model.Origin, name), model))
            .ToFrozenDictionary(pair => pair.Item1, pair => pair.model);

    private static ImmutableArray<CpuModel> Build()
    {
        Dictionary<(CpuModelOrigin, string), ImmutableSortedSet<string>> features = [];
        List<CpuModel> models = [];
        foreach (CpuModelRow row in Rows())
        {
            ImmutableSortedSet<string> own = row.Base is null ? ImmutableSortedSet.Create<string>(StringComparer.Ordinal) : features[(row.Origin, row.Base)];
            own = own.Except(Words(row.Removed)).Union(Words(row.Added));
            features.Add((row.Origin, row.Name), own);
            models.Add(new CpuModel
            {
                Origin = row.Origin,
                Name = row.Name,
                Version = row.Version,
                Aliases = [.. Words(row.Aliases)],
                Vendor = row.Vendor,
                Signatures = row.Signatures,
                Features = [.. own],
                Retired = [.. Words(row.Retired)],
                Settings = Words(row.Settings).Select(word => word.Split('=')).ToImmutableSortedDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal),
                ModelId = row.ModelId,
                Note = row.Note,
                Source = row.Source,
            });
        }

        return [.. models];
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
