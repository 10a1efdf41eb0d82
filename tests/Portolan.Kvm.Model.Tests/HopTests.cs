using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Xunit;

namespace Portolan.Kvm.Model.Tests;

/// <summary>A whole vCPU captured from one model and restored into another, and what a model without facts says.</summary>
public sealed class HopTests
{
    [Theory]
    [InlineData("skx", "6.1.192", "6.12.117")]
    [InlineData("skx", "5.10.218", "6.12.117")]
    [InlineData("amd", "5.10.218", "6.1.192")]
    [InlineData("amd", "6.12.117", "6.1.192")]
    public void A_vcpu_arrives_as_it_left_in_both_legal_orders(string cpu, string from, string to)
    {
        HostSnapshot source = Host(cpu, from);
        HostSnapshot destination = Host(cpu, to);
        GuestContract contract = new() { Cpuid = Hosts.Guest(source) };
        GuestSetup setup = new(contract);
        foreach (RestoreOrder order in RestoreOrder.All)
        {
            IKvmVcpu left = Fresh(Bench.System(source), setup);
            Assert.True(left.SetXsave(Bench.Image(3)).Ok);
            Assert.True(left.SetXcrs(KvmXcrs.Xcr0(3)).Ok);
            Assert.True(left.SetRegs(left.GetRegs().Value with { Rax = 5 }).Ok);
            ModelSystem system = Bench.System(source);
            TransferPlan plan = TransferPlan.From(system, system.CreateVm().Value, contract).Value;
            plan = plan with { HasSregs2 = false, SavedMsrs = [.. plan.SavedMsrs.Where(index => index is 0x174 or 0x175 or 0x176 or 0x277)] };
            VcpuTransfer transfer = new(plan);
            Assert.True(transfer.Capture(left).Ok);

            IKvmVcpu arrived = Fresh(Bench.System(destination), setup);
            RestoreResult result = transfer.Restore(arrived, order);

            Assert.Equal((RestoreOutcome.Complete, default(VcpuPart)), (result.Outcome, result.Outcome == RestoreOutcome.Complete ? default : result.Failed.Part));
            Assert.Equal(left.GetRegs().Value, arrived.GetRegs().Value);
            Assert.Equal(left.GetSregs().Value, arrived.GetSregs().Value);
            Assert.Equal(Bench.Bv(Bench.Get(left)), Bench.Bv(Bench.Get(arrived)));
            Assert.Equal(3ul, arrived.GetXcrs().Value.Entries[0].Value);
        }
    }

    [Fact]
    public void A_snapshot_without_what_every_guest_needs_names_what_is_missing()
    {
        Assert.Null(ModelSystem.TryCreate(new HostSnapshot(), out ImmutableArray<string> nothing));
        Assert.Equal(["supportedXcr0", "supportedCpuid"], nothing);
        HostSnapshot host = Hosts.Skx("6.12.117");
        HostSnapshot noLayout = host with { NativeCpuid = null, SupportedCpuid = Hosts.Of(Hosts.GuestWithoutXsaveLeaf(host)) };
        Assert.Null(ModelSystem.TryCreate(noLayout, out ImmutableArray<string> layout));
        Assert.Equal(4, layout.Length);
    }

    /// <summary>A fact that is missing is asked for only by the call that it decides.</summary>
    [Fact]
    public void Without_any_behaviour_the_model_never_guesses()
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        Assert.NotNull(ModelSystem.TryCreate(host, KvmBehaviours.Unknown, out _));
        ModelSystem system = ModelSystem.TryCreate(host, KvmBehaviours.Unknown, out _)!;
        IKvmVcpu vcpu = Bench.Vcpu(system);

        Assert.Equal("missing:cpuid.rewrite", vcpu.SetCpuid2(Hosts.Guest(host)).Rule?.Id);
        CpuidTable nothingToRewrite = Hosts.GuestWithoutXsaveLeaf(host).Without(static entry => entry.Address.Leaf == 1);
        Assert.Equal("missing:cpuid.rewrite", vcpu.SetCpuid2(Hosts.GuestWithoutXsaveLeaf(host)).Rule?.Id);
        Assert.True(vcpu.SetCpuid2(nothingToRewrite).Ok);
        Assert.Equal("missing:xsave.get-mask", vcpu.GetXsave(new byte[4096]).Rule?.Id);
        Assert.Equal("missing:xsave.set-mask", vcpu.SetXsave(Bench.Image(3)).Rule?.Id);
        Assert.Equal("xsave.set.supported", vcpu.SetXsave(Bench.Image(1ul << 62)).Rule?.Id);
        Assert.Equal("missing:xsave.xsave2", vcpu.GetXsave2(new byte[4096]).Rule?.Id);
        Assert.Equal("missing:xsave.xcomp-guest-supp", system.GetXcompGuestSupp().Rule?.Id);
        Assert.True(vcpu.SetXcrs(KvmXcrs.Xcr0(1)).Ok);
        Assert.True(vcpu.EnableEnlightenedVmcs().Ok);
        Assert.Equal("missing:hyperv.lapic-bits", vcpu.GetSupportedHvCpuid().Rule?.Id);
        ModelSystem rewritesNothing = ModelSystem.TryCreate(host, KvmBehaviours.Unknown with { CpuidRewrite = CpuidRewrite.None }, out _)!;
        IKvmVcpu withVmx = Bench.Vcpu(rewritesNothing);
        Assert.True(withVmx.SetCpuid2(Hosts.GuestWithoutXsaveLeaf(host)).Ok && withVmx.EnableEnlightenedVmcs().Ok);
        IGuestCpu guest = withVmx.Guest;
        Assert.Equal((GuestFault.NotDecidable, "missing:evmcs.filter-sees"), (guest.Rdmsr(0x48b).Fault, guest.Rdmsr(0x48b).Rule?.Id));
        Assert.Equal("missing:cpuid.after-run", withVmx.SetCpuid2(nothingToRewrite).Rule?.Id);
    }

    private static HostSnapshot Host(string cpu, string release) => cpu == "amd" ? Hosts.AmdMax(release) : Hosts.Skx(release);

    private static IKvmVcpu Fresh(ModelSystem system, GuestSetup setup)
    {
        IKvmVm vm = system.CreateVm().Value;
        Assert.True(setup.PrepareVm(vm).Ok);
        IKvmVcpu vcpu = vm.CreateVcpu(0).Value;
        Assert.True(setup.PrepareVcpu(vcpu).Ok);
        return vcpu;
    }
}
