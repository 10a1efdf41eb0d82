using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Vmx;

namespace Portolan.Testing.RandomCases;

/// <summary>A host of a case: how it was made, and what is judged, which many cases share.</summary>
/// <param name="Recipe">How it was made.</param>
/// <param name="Judged">The host.</param>
public sealed record CaseHost(Recipe<HostSnapshot> Recipe, JudgedHost Judged)
{
    /// <summary>Makes one.</summary>
    public static CaseHost Of(Recipe<HostSnapshot> recipe) => new(recipe, new JudgedHost(recipe.Name, recipe.Make()));
}

/// <summary>One random question, by parts that can be left out.</summary>
public sealed record RouteCase
{
    /// <summary>The seed that makes it again.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The guest.</summary>
    public required Recipe<GuestContract> Guest { get; init; }

    /// <summary>The hosts.</summary>
    public required ImmutableArray<CaseHost> Hosts { get; init; }

    /// <summary>The state; null for the worst.</summary>
    public Recipe<VcpuState>? State { get; init; }

    /// <summary>The restore order.</summary>
    public RestoreOrder Order { get; init; } = RestoreOrder.Qemu;

    /// <summary>The VMM.</summary>
    public RestorePolicy Vmm { get; init; }

    /// <summary>Is eVMCS enabled last?</summary>
    public bool EvmcsLast { get; init; }

    /// <summary>The nested controls.</summary>
    public ImmutableArray<VmxControlBit>? NestedControls { get; init; }

    /// <summary>The design.</summary>
    public EvmcsDesign? Design { get; init; }

    /// <summary>Hops without permission.</summary>
    public ImmutableHashSet<int> Unpermitted { get; init; } = [];

    /// <summary>The question.</summary>
    public RouteQuestion Question() => new()
    {
        Guest = Guest.Make(),
        Hosts = [.. Hosts.Select(host => host.Judged)],
        State = State?.Make(),
        Order = Order,
        Vmm = Vmm,
        VcpuSetup = EvmcsLast ? GuestSetup.EnlightenedVmcsLast : GuestSetup.QemuVcpuSteps,
        NestedControls = NestedControls,
        EvmcsDesign = Design,
        Unpermitted = Unpermitted,
    };

    /// <summary>The parts, a line each.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Lines());

    private IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"seed {Seed}");
        yield return $"  guest {Guest}";
        foreach (CaseHost host in Hosts)
        {
            yield return $"  host  {host.Recipe}";
        }

        yield return State is null ? "  the worst state" : $"  state {State}";
        yield return $"  {Order.Name}, VMM {Vmm}{(EvmcsLast ? ", eVMCS last" : "")}{(Design is { } design ? $", design {design}" : "")}{(Unpermitted.IsEmpty ? "" : $", unpermitted {string.Join(',', Unpermitted.Order())}")}";
        if (NestedControls is { } controls)
        {
            yield return $"  L2 with {(controls.IsEmpty ? "what must be" : string.Join(", ", controls))}";
        }
    }
}
