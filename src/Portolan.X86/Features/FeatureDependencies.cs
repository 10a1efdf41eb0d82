namespace Portolan.X86.Features;

/// <summary>What goes with a feature: the closure of the table's column <c>needs</c>, both ways.</summary>
public static class FeatureDependencies
{
    private static readonly Lazy<int[][]> Dependents = new(Reverse);

    /// <summary>The features and everything that needs one of them, directly or through others, in <see cref="FeatureTable.All"/>'s order.</summary>
    public static IReadOnlyList<CpuidFeature> WithDependents(IEnumerable<CpuidFeature> features)
        => Closure(features, index => Dependents.Value[index]);

    /// <summary>The features and everything they need, directly or through others, in <see cref="FeatureTable.All"/>'s order.</summary>
    public static IReadOnlyList<CpuidFeature> WithNeeds(IEnumerable<CpuidFeature> features)
        => Closure(features, index => FeatureTable.At(index).NeedIndices);

    private delegate ReadOnlySpan<int> Neighbours(int index);

    private static CpuidFeature[] Closure(IEnumerable<CpuidFeature> features, Neighbours next)
    {
        ArgumentNullException.ThrowIfNull(features);
        SortedSet<int> seen = [];
        Stack<int> open = new(features.Select(feature => feature.Index));
        while (open.TryPop(out int index))
        {
            if (seen.Add(index))
            {
                foreach (int neighbour in next(index))
                {
                    open.Push(neighbour);
                }
            }
        }

        return [.. seen.Select(FeatureTable.At)];
    }

    private static int[][] Reverse()
    {
        List<int>[] lists = [.. Enumerable.Range(0, FeatureTable.All.Length).Select(_ => new List<int>())];
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            foreach (int need in feature.NeedIndices)
            {
                lists[need].Add(feature.Index);
            }
        }

        return [.. lists.Select(list => list.ToArray())];
    }
}
