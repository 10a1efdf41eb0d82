using System.Collections.Immutable;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Testing.RandomCases;

/// <summary>
/// A few hosts, guests and states made at random, and many cases of them: making a host costs more than judging it. A case is made again
/// from its seed alone: the batch's number and the case's place in it.
/// </summary>
public sealed class CaseBatch
{
    /// <summary>Cases of one batch.</summary>
    public const int Size = 1024;

    private const int HostCount = 24;
    private const int GuestCount = 20;
    private const ulong Apart = 0x5851f42d4c957f2d;
    private readonly ulong _number;
    private readonly List<CaseHost> _hosts = [];
    private readonly List<(Recipe<GuestContract> Guest, int Home, ImmutableArray<int> Friends)> _guests = [];
    private readonly List<Recipe<VcpuState>?> _states = [];

    /// <summary>Makes the hosts, guests and states.</summary>
    public CaseBatch(ulong number)
    {
        _number = number;
        CaseRandom random = new(unchecked((number + 1) * Apart));
        ImmutableArray<HostSnapshot> family = random.Pick(BaseHosts.ByCpu);
        while (_hosts.Count < HostCount)
        {
            HostSnapshot start = random.Pick(random.Percent(80) ? family : random.Pick(BaseHosts.ByCpu));
            int changes = random.Of(0, 0, 0, 1, 1, 2, 4);
            _hosts.Add(CaseHost.Of(new Recipe<HostSnapshot>(start.Name ?? "host", start, [.. Enumerable.Range(0, changes).Select(_ => HostChanges.Next(random))])));
        }

        for (int tries = 0; _guests.Count < GuestCount && tries < 4 * GuestCount; tries++)
        {
            AddGuest(random);
        }
    }

    /// <summary>The case with a seed.</summary>
    public static RouteCase Case(ulong seed) => new CaseBatch(seed / Size).At((int)(seed % Size));

    /// <summary>One case of the batch.</summary>
    public RouteCase At(int index)
    {
        ulong seed = unchecked((_number * Size) + (ulong)index);
        CaseRandom random = new(unchecked((seed + 1) * 0x2545f4914f6cdd1d));
        int chosen = random.Below(_guests.Count);
        (Recipe<GuestContract> guest, int home, ImmutableArray<int> friends) = _guests[chosen];
        ImmutableArray<CaseHost> hosts = Route(random, home, friends);
        Recipe<VcpuState>? state = random.Percent(45) ? _states[chosen] : null;
        int changes = state is null ? 0 : random.Of(0, 1, 1, 2, 3);
        return new RouteCase
        {
            Seed = seed,
            Guest = guest,
            Hosts = hosts,
            State = state is null ? null : Enumerable.Range(0, changes).Aggregate(state, (made, _) => made.With(StateChanges.Next(random))),
            Order = random.Percent(70) ? RestoreOrder.Qemu : RestoreOrder.Selftest,
            Vmm = random.Percent(75) ? RestorePolicy.Reports : RestorePolicy.Ignores,
            EvmcsLast = random.Percent(20),
            NestedControls = random.Percent(25) ? Controls(random) : null,
            Design = random.Percent(12) ? random.Of(EvmcsDesign.PvBit, EvmcsDesign.Revision, EvmcsDesign.FilteredMsrs) : null,
            Unpermitted = random.Percent(6) ? [random.Below(hosts.Length)] : [],
        };
    }

    private ImmutableArray<CaseHost> Route(CaseRandom random, int home, ImmutableArray<int> friends)
    {
        int length = random.Of(1, 2, 2, 2, 2, 3, 3, 4, 5);
        List<CaseHost> hosts = [_hosts[random.Percent(85) ? home : random.Below(_hosts.Count)]];
        while (hosts.Count < length)
        {
            hosts.Add(_hosts[friends.Length > 0 && random.Percent(70) ? random.Pick(friends) : random.Below(_hosts.Count)]);
        }

        return [.. hosts];
    }

    private static ImmutableArray<VmxControlBit> Controls(CaseRandom random)
    {
        VmxControlBit[] known = [new(VmxControlGroup.Exit, 12), new(VmxControlGroup.Entry, 13), new(VmxControlGroup.Secondary, 1), new(VmxControlGroup.Primary, 31),
            new(VmxControlGroup.PinBased, 6), new(VmxControlGroup.Secondary, 14), new(VmxControlGroup.Exit, 22), new(VmxControlGroup.Secondary, 25)];
        return [.. known.Where(_ => random.Percent(25))];
    }

    private void AddGuest(CaseRandom random)
    {
        int home = random.Below(_hosts.Count);
        ImmutableArray<int> friends = [.. Enumerable.Range(0, random.Of(0, 1, 2, 3)).Select(_ => random.Below(_hosts.Count)).Where(host => host != home)];
        HostSnapshot host = _hosts[home].Judged.Snapshot;
        bool evmcs = random.Percent(35);
        GuestRequest request = new()
        {
            Without = [.. Enumerable.Range(0, random.Of(0, 0, 1, 3)).Select(_ => HostChanges.AnyFeature(random).Name)],
            CommonWith = [.. friends.Select(friend => _hosts[friend].Judged.Snapshot)],
            EnlightenedVmcs = evmcs,
            Hyperv = random.Percent(20),
            EvmcsPerfGlobalCtrl = random.Percent(50) ? random.Percent(50) : null,
            Permission = host.SupportedXcr0!.Value & (random.Percent(60) ? XFeatureTable.Dynamic : XFeatureMask.None),
        };
        GuestDefinitionAnswer answer = GuestDefinition.From(host, request);
        answer = answer.Contract is null ? GuestDefinition.From(host, request with { EnlightenedVmcs = false, Hyperv = false, CommonWith = [] }) : answer;
        if (answer.Contract is not { } contract)
        {
            return;
        }

        int changes = random.Of(0, 0, 0, 0, 1, 1, 2, 3);
        string name = $"of {_hosts[home].Recipe.Name}{(contract.EnlightenedVmcs ? " with eVMCS" : "")}{(request.Without.IsEmpty ? "" : $" without {string.Join(',', request.Without)}")}"
            + (request.CommonWith.IsEmpty ? "" : $" common with {request.CommonWith.Length}");
        Recipe<GuestContract> recipe = new(name, contract, [.. Enumerable.Range(0, changes).Select(_ => GuestChanges.Next(random))]);
        _guests.Add((recipe, home, friends));
        _states.Add(Captured(recipe.Make(), host) is { } state ? new Recipe<VcpuState>("of a fresh vCPU there", state, []) : null);
    }

    /// <summary>The state of a vCPU of the guest's on a host; null where it cannot be made.</summary>
    private static VcpuState? Captured(GuestContract guest, HostSnapshot host)
    {
        if (ModelSystem.TryCreate(host, out _) is not { } system)
        {
            return null;
        }

        GuestSetup setup = new(guest);
        SetupRecord record = new();
        _ = setup.RequestPermission(system, ref record);
        using IKvmVm vm = system.CreateVm().Value;
        _ = setup.PrepareVm(vm);
        using IKvmVcpu vcpu = vm.CreateVcpu(0).Value;
        _ = setup.PrepareVcpu(vcpu);
        KvmAnswer<TransferPlan> plan = TransferPlan.From(system, vm, guest);
        if (!plan.Ok)
        {
            return null;
        }

        VcpuTransfer transfer = new(plan.Value);
        _ = transfer.Capture(vcpu);
        return transfer.ToState(0);
    }
}
