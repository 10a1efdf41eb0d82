using System.Buffers.Binary;
using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.State;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Xunit;
using static Portolan.Kvm.Model.Tests.Vectors;

namespace Portolan.Kvm.Model.Tests.Nested;

/// <summary>Nested state and nested VM entry (contract section 5, E9, E14).</summary>
public sealed class NestedStateTests
{
    private static readonly VmxControlSettings Least = new(0x16, 0x04006172, 0, 0x36dfb, 0x11fb, 0);

    public static TheoryData<string> VmxStates => Lines("Nested", "vmx-set.txt");

    [Theory]
    [MemberData(nameof(VmxStates))]
    public void N6_setting_a_vmx_state(string line)
    {
        string[] fields = line.Split('\t');
        IKvmVcpu vcpu = Intel(fields[0] == "vmx", fields[1] == "yes");
        byte[] state = NestedStates.Vmx(
            (ushort)Hex(fields[2]), int.Parse(fields[4], CultureInfo.InvariantCulture), Address(fields[6]), Address(fields[7]),
            fields[10] == "ok" ? NestedStates.Revision : 1);
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(2), ushort.Parse(fields[3], CultureInfo.InvariantCulture));
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(4), int.Parse(fields[5], CultureInfo.InvariantCulture));
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(24), (ushort)Hex(fields[8]));
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(28), (uint)Hex(fields[9]));

        KvmAnswer answer = vcpu.SetNestedState(state);

        Assert.Equal((fields[11], fields[12]), (answer.ToString(), answer.Rule?.Id ?? "-"));
    }

    [Fact]
    public void N6_controls_of_an_entered_vmcs_fit_the_vcpu()
    {
        byte[] state = NestedStates.Controls(NestedStates.Vmx(1, 4224, 0x1000, 0x2000), 0x16 | 0x100, 0x04006172, 0, 0x36dfb, 0x11fb);

        Assert.Equal("nested.vmx.consistency", Intel(true, false).SetNestedState(state).Rule?.Id);
    }

    [Fact]
    public void N3_a_small_buffer_is_told_the_size()
    {
        IKvmVcpu vcpu = Intel(true, false);
        Assert.True(vcpu.SetNestedState(NestedStates.Vmx(0, 4224, 0x1000, 0x2000)).Ok);
        byte[] buffer = new byte[128];

        Assert.Equal(Errno.E2BIG, vcpu.GetNestedState(buffer).Errno);
        Assert.Equal(4224, BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(4)));
    }

    [Fact]
    public void M7_vmx_msrs_cannot_be_restored_after_vmxon()
    {
        IKvmVcpu vcpu = Intel(true, false);
        Assert.True(vcpu.SetNestedState(NestedStates.Vmx(0, 128, 0x1000)).Ok);

        Assert.Equal(0, vcpu.SetMsrs([new(0x485, 0x20000165)]).Value);
        Assert.Equal("msr.vmx.vmxon", vcpu.LastMsrRefusal?.Id);
    }

    [Theory]
    [InlineData(0x100, false, "ok", null)]
    [InlineData(0x0, false, "EINVAL", "nested.svm.svme")]
    [InlineData(0x0, true, "ok", null)]
    [InlineData(0x104, true, "EINVAL", "nested.svm.flags")]
    [InlineData(0x101, true, "EINVAL", "nested.svm.vmcb-address")]
    public void N8_setting_an_svm_state(ushort flags, bool svme, string expected, string? clause)
    {
        HostSnapshot host = Hosts.AmdMax("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        KvmSystemRegisters reset = vcpu.GetSregs().Value.Registers;
        Assert.True(vcpu.SetSregs(new KvmSregs(reset with { Efer = svme ? 0x1000ul : 0 }, default)).Ok);
        byte[] state = new byte[128];
        BinaryPrimitives.WriteUInt16LittleEndian(state, flags);
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(2), 1);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(4), 128);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(8), 0x123);

        KvmAnswer answer = vcpu.SetNestedState(state);

        Assert.Equal((expected, clause), (answer.ToString(), answer.Rule?.Id));
    }

    [Theory]
    [InlineData("6.1.192", 0x1000u, 0x0u, VmEntryOutcome.Entered)]
    [InlineData("6.1.192", 0x0u, 0x2000u, VmEntryOutcome.Entered)]
    [InlineData("6.12.117", 0x1000u, 0x2000u, VmEntryOutcome.Entered)]
    [InlineData("5.10.218", 0x1000u, 0x0u, VmEntryOutcome.VmFailInvalidControls)]
    [InlineData("5.10.218", 0x0u, 0x2000u, VmEntryOutcome.VmFailInvalidControls)]
    [InlineData("5.10.218", 0x0u, 0x0u, VmEntryOutcome.Entered)]
    public void E9_entry_through_an_enlightened_vmcs(string release, uint exit, uint entry, VmEntryOutcome expected)
    {
        HostSnapshot host = Hosts.Skx(release);
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        VmxControlSettings controls = Least with { Exit = Least.Exit | exit, Entry = Least.Entry | entry };
        Assert.Equal(VmEntryOutcome.Entered, vcpu.Guest.VmEntry(controls, enlightened: false).Value);
        Assert.Equal(VmEntryOutcome.VmFailInvalid, vcpu.Guest.VmEntry(controls, enlightened: true).Value);
        Assert.True(vcpu.EnableEnlightenedVmcs().Ok);

        Assert.Equal(expected, vcpu.Guest.VmEntry(controls, enlightened: true).Value);
    }

    [Fact]
    public void E10_designs_that_were_not_merged_are_behaviours()
    {
        HostSnapshot merged = Hosts.Skx("6.12.117");
        X86.Msr.MsrValue[] exit = [new(0x483, 0)];
        IKvmVcpu revision = Bench.Vcpu(merged.With("evmcs.design", "revision"), WithHyperv(merged));
        Assert.True(revision.EnableEnlightenedVmcs().Ok);
        Assert.Equal(0x003fefff00036dfful, revision.Guest.Rdmsr(0x483).Value);
        IKvmVcpu newer = Bench.Vcpu(merged.With("evmcs.design", "revision"), WithHyperv(merged));
        Assert.True(newer.EnableEnlightenedVmcs(2022).Ok);
        Assert.Equal(0x003fffff00036dfful, newer.Guest.Rdmsr(0x483).Value);
        IKvmVcpu shown = Bench.Vcpu(merged.With("evmcs.design", "filtered-msrs"), WithHyperv(merged));
        Assert.Equal(1, shown.GetEvmcsVmxMsrs(exit).Value);
        Assert.Equal(0x003fffff00036dfful, exit[0].Value);

        IKvmVcpu real = Bench.Vcpu(merged, WithHyperv(merged));
        Assert.Equal(Errno.EINVAL, real.EnableEnlightenedVmcs(2022).Errno);
        Assert.Equal(Errno.ENOTTY, real.GetEvmcsVmxMsrs(exit).Errno);
    }

    [Fact]
    public void E12_enabling_rewrites_the_msrs_of_the_oldest_kernels()
    {
        HostSnapshot host = Hosts.Skx("5.10.218").As("E-a");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.True(vcpu.EnableEnlightenedVmcs().Ok);
        X86.Msr.MsrValue[] byHost = [new(0x48f, 0)];

        Assert.Equal(1, vcpu.GetMsrs(byHost).Value);
        Assert.Equal(0x007fefff00036dfbul, byHost[0].Value);
    }

    private static CpuidTable WithHyperv(HostSnapshot host)
        => Hosts.Guest(host).With(0x40000001, 0, new CpuidValues(0x31237648, 0, 0, 0));

    private static ulong Address(string text) => text == "-" ? ulong.MaxValue : Hex(text);

    private static IKvmVcpu Intel(bool vmx, bool enableEvmcs)
    {
        HostSnapshot host = Hosts.Skx("6.12.117");
        CpuidTable table = Hosts.Guest(host);
        CpuidValues version = table.GetOrZero(1);
        IKvmVcpu vcpu = Bench.Vcpu(host, vmx ? table : table.With(1, 0, version with { Ecx = version.Ecx & ~(1u << 5) }));
        if (enableEvmcs)
        {
            Assert.True(vcpu.EnableEnlightenedVmcs().Ok);
        }

        return vcpu;
    }
}
