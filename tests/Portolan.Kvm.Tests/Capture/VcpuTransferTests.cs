using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Tests.Capture;

/// <summary>The same transfer on the model, where every kernel can be had.</summary>
public sealed class VcpuTransferTests
{
    private const ulong Marker = 0x1122_3344;

    [Theory]
    [InlineData("qemu")]
    [InlineData("selftest")]
    public void A_vcpu_restored_on_another_kernel_is_equal(string orderName)
    {
        RestoreOrder order = RestoreOrder.All.Single(candidate => candidate.Name == orderName);
        Hop hop = new(Hosts.Genoa("6.1.192"), Hosts.Genoa("6.12.117"));
        Assert.True(hop.Source.SetRegs(new KvmRegs { R15 = Marker, Rflags = 2 }).Ok);
        Assert.Equal(1, hop.Source.SetMsrs([new MsrValue(MsrIndex.Ia32SysenterCs, 8)]).Value);
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);

        RestoreResult result = hop.Transfer.Restore(hop.Destination, order);

        Assert.Equal(RestoreOutcome.Complete, result.Outcome);
        Assert.Empty(result.NotLoaded(order));
        VcpuTransfer back = new(hop.Plan);
        Assert.True(back.Capture(hop.Destination).Ok);
        Assert.DoesNotContain(VcpuStateComparison.Compare(hop.Transfer.ToState(0), back.ToState(0)), difference => difference.Counts);
        Assert.Equal(Marker, back.ToState(0).Regs!.Value.R15);
    }

    [Fact]
    public void Vmx_capability_msrs_are_saved_but_never_restored_as_state()
    {
        Hop hop = new(Hosts.Skx("6.1.192"), Hosts.Skx("6.1.192"));
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);

        Assert.DoesNotContain(MsrIndex.Ia32VmxBasic, hop.Plan.SavedMsrs);
        Assert.Contains(MsrIndex.Ia32VmxBasic, hop.Transfer.FeatureMsrs.ToArray().Select(row => row.Index));
        Assert.Contains(MsrIndex.Ia32VmxBasic, hop.Transfer.ToState(0).Msrs.Select(row => row.Index));
        Assert.Equal(RestoreOutcome.Complete, hop.Transfer.Restore(hop.Destination, RestoreOrder.Qemu).Outcome);
    }

    [Fact]
    public void A_capture_on_used_buffers_is_the_same_as_on_new_ones()
    {
        Hop hop = new(Hosts.Genoa("6.1.192"), Hosts.Genoa("6.1.192"));
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);
        VcpuState first = hop.Transfer.ToState(3);
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);

        Assert.True(VcpuStateComparison.AreEqual(first, hop.Transfer.ToState(3)));
        Assert.Equal(3u, first.Id);
    }

    [Fact]
    public void A_refusal_carries_the_models_rule()
    {
        Hop hop = new(Hosts.Genoa("6.1.192"), Hosts.Genoa("6.1.192"));
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);
        byte[] image = [.. hop.Transfer.ToState(0).Xsave];
        image[528] = 1;
        VcpuState broken = hop.Transfer.ToState(0) with { Xsave = [.. image] };
        RestoreRecord record = new();

        RestoreResult result = VcpuTransfer.Of(broken, hop.Plan)
            .Restore(hop.Destination, RestoreOrder.Qemu, RestorePolicy.Ignores, TransferPlan.LegacyXsaveSize, ref record);

        Assert.Equal(RestoreOutcome.RunsIncomplete, result.Outcome);
        Assert.Equal(Errno.EINVAL, result.Failed.Answer.Errno);
        Assert.NotNull(result.Failed.Answer.Rule);
        Assert.Equal(VcpuPart.Xsave, record.Steps[^1].Part);
        Assert.Equal("KVM_SET_XSAVE", record.Steps[^1].Ioctl);
        Assert.Contains(VcpuPart.Msrs, result.NotLoaded(RestoreOrder.Qemu));
    }

    [Fact]
    public void An_image_shorter_than_the_destination_reads_is_continued_with_zeros()
    {
        Hop hop = new(Hosts.Genoa("6.1.192"), Hosts.Genoa("6.1.192"));
        Assert.True(hop.Transfer.Capture(hop.Source).Ok);
        VcpuState state = hop.Transfer.ToState(0) with { Xsave = hop.Transfer.ToState(0).Xsave[..2440] };
        Assert.Equal(2440, VcpuTransfer.Of(state, hop.Plan).Xsave.Length);

        Assert.Equal(RestoreOutcome.Complete, VcpuTransfer.Of(state, hop.Plan).Restore(hop.Destination, RestoreOrder.Qemu).Outcome);
    }

    [Fact]
    public void Both_orders_have_the_same_steps_and_keep_contract_C9()
    {
        Assert.Equal(RestoreOrder.Qemu.Parts.Order(), RestoreOrder.Selftest.Parts.Order());
        foreach (ImmutableArray<VcpuPart> parts in RestoreOrder.All.Select(order => order.Parts))
        {
            Assert.True(parts.IndexOf(VcpuPart.Sregs) < parts.IndexOf(VcpuPart.NestedState));
            Assert.True(parts.IndexOf(VcpuPart.FeatureControl) < parts.IndexOf(VcpuPart.NestedState));
            Assert.True(parts.IndexOf(VcpuPart.TscKhz) < parts.IndexOf(VcpuPart.Msrs));
            Assert.True(parts.IndexOf(VcpuPart.Msrs) < parts.IndexOf(VcpuPart.TscDeadline));
            Assert.True(parts.IndexOf(VcpuPart.Sregs) < parts.IndexOf(VcpuPart.Lapic));
        }
    }

    /// <summary>A prepared vCPU on each of two hosts, and a transfer between them.</summary>
    private sealed class Hop
    {
        internal Hop(HostSnapshot from, HostSnapshot to)
        {
            ModelSystem source = ModelSystem.TryCreate(from, out _)!;
            ModelSystem destination = ModelSystem.TryCreate(to, out _)!;
            GuestContract contract = new() { Cpuid = source.GetSupportedCpuid().Value };
            GuestSetup setup = new(contract);
            IKvmVm vm = source.CreateVm().Value;
            Source = vm.CreateVcpu(0).Value;
            Destination = destination.CreateVm().Value.CreateVcpu(0).Value;
            Assert.True(setup.PrepareVcpu(Source).Ok);
            Assert.True(setup.PrepareVcpu(Destination).Ok);
            Plan = TransferPlan.From(source, vm, contract).Value;
            Transfer = new VcpuTransfer(Plan);
        }

        internal IKvmVcpu Source { get; }

        internal IKvmVcpu Destination { get; }

        internal TransferPlan Plan { get; }

        internal VcpuTransfer Transfer { get; }
    }
}
