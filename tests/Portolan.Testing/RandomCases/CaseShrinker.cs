using Portolan.Kvm.Capture;

namespace Portolan.Testing.RandomCases;

/// <summary>Leaves out of a failing case whatever it fails without.</summary>
public static class CaseShrinker
{
    /// <summary>The smallest case found that still fails.</summary>
    public static RouteCase Shrink(RouteCase failing, Func<RouteCase, bool> fails)
    {
        ArgumentNullException.ThrowIfNull(failing);
        ArgumentNullException.ThrowIfNull(fails);
        RouteCase smallest = failing;
        for (bool smaller = true; smaller;)
        {
            smaller = false;
            foreach (RouteCase candidate in Smaller(smallest))
            {
                if (fails(candidate))
                {
                    smallest = candidate;
                    smaller = true;
                    break;
                }
            }
        }

        return smallest;
    }

    private static IEnumerable<RouteCase> Smaller(RouteCase one)
    {
        for (int hop = 0; one.Hosts.Length > 1 && hop < one.Hosts.Length; hop++)
        {
            yield return one with { Hosts = one.Hosts.RemoveAt(hop), Unpermitted = [] };
            yield return one with { Hosts = one.Hosts.RemoveAt(hop) };
        }

        if (one.State is { } state)
        {
            yield return one with { State = null };
            for (int change = 0; change < state.Changes.Length; change++)
            {
                yield return one with { State = state.Without(change) };
            }
        }

        for (int change = 0; change < one.Guest.Changes.Length; change++)
        {
            yield return one with { Guest = one.Guest.Without(change) };
        }

        for (int hop = 0; hop < one.Hosts.Length; hop++)
        {
            for (int change = 0; change < one.Hosts[hop].Recipe.Changes.Length; change++)
            {
                yield return one with { Hosts = one.Hosts.SetItem(hop, CaseHost.Of(one.Hosts[hop].Recipe.Without(change))) };
            }
        }

        foreach (RouteCase plainer in Plainer(one))
        {
            yield return plainer;
        }
    }

    private static IEnumerable<RouteCase> Plainer(RouteCase one)
    {
        RouteCase[] plainer =
        [
            one with { Order = RestoreOrder.Qemu }, one with { Vmm = RestorePolicy.Reports }, one with { EvmcsLast = false },
            one with { NestedControls = null }, one with { Design = null }, one with { Unpermitted = [] },
        ];
        bool[] differs =
        [
            one.Order != RestoreOrder.Qemu, one.Vmm != RestorePolicy.Reports, one.EvmcsLast, one.NestedControls is not null, one.Design is not null, !one.Unpermitted.IsEmpty,
        ];
        return plainer.Where((_, index) => differs[index]);
    }
}
