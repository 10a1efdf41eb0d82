using System.Buffers.Binary;
using System.Globalization;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Xunit;
using static Portolan.Kvm.Model.Tests.Vectors;

namespace Portolan.Kvm.Model.Tests.Measured;

/// <summary>Contract section 10, standing alone: what real kernels were seen to do.</summary>
public sealed class MeasuredTests
{
    public static TheoryData<string> EvmcsReads => Lines("Measured", "evmcs-reads.txt");

    public static TheoryData<string> VmxWrites => Lines("Measured", "vmx-writes.txt");

    [Theory]
    [MemberData(nameof(EvmcsReads))]
    public void R4_the_guest_reads_vmx_msrs_filtered(string line)
    {
        string[] fields = line.Split('\t');
        HostSnapshot host = Hosts.Skx(fields[0]);
        IKvmVcpu vcpu = Bench.Vcpu(host);
        if (fields[1] == "yes")
        {
            Assert.Equal(0x0101, vcpu.EnableEnlightenedVmcs().Value);
        }

        Assert.Equal(KvmAnswer.Done, vcpu.SetCpuid2(WithHyperv(host, fields[2])));
        uint index = (uint)Hex(fields[3]);

        GuestAnswer<ulong> seen = vcpu.Guest.Rdmsr(index);
        MsrValue[] byHost = [new(index, 0)];

        Assert.Equal(Hex(fields[4]), seen.Value);
        Assert.Equal(1, vcpu.GetMsrs(byHost).Value);
        Assert.True(Hosts.VmxMaxima(fields[0]).TryGet(index, out ulong unfiltered));
        Assert.Equal(unfiltered, byHost[0].Value);
    }

    [Theory]
    [MemberData(nameof(VmxWrites))]
    public void R4_restoring_a_vmx_msr(string line)
    {
        string[] fields = line.Split('\t');
        HostSnapshot host = Hosts.Skx("6.1.192");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));

        KvmAnswer<int> written = vcpu.SetMsrs([new((uint)Hex(fields[0]), Hex(fields[1]))]);

        Assert.Equal(int.Parse(fields[2], CultureInfo.InvariantCulture), written.Value);
        Assert.Equal(fields[3], vcpu.LastMsrRefusal?.Id ?? "-");
    }

    [Theory]
    [InlineData(0x492u)]
    [InlineData(0x493u)]
    public void R4_the_guest_faults_on_msrs_that_kvm_does_not_emulate(uint index)
    {
        HostSnapshot host = Hosts.Skx("6.1.192");

        Assert.Equal(GuestFault.GP, Bench.Vcpu(host, Hosts.Guest(host)).Guest.Rdmsr(index).Fault);
    }

    [Theory]
    [InlineData("5.10.218", 0x00000101u, 0u)]
    [InlineData("6.1.192", 0x00080101u, 1u)]
    public void R4_enabling_evmcs_shows_in_the_vcpus_hyperv_cpuid(string release, uint eax, uint ebx)
    {
        IKvmVcpu vcpu = Bench.Vcpu(Hosts.Skx(release));
        CpuidValues before = vcpu.GetSupportedHvCpuid().Value.GetOrZero(0x4000000a);

        Assert.Equal(0x0101, vcpu.EnableEnlightenedVmcs().Value);
        Assert.Equal(0x0101, vcpu.EnableEnlightenedVmcs().Value);
        CpuidValues after = vcpu.GetSupportedHvCpuid().Value.GetOrZero(0x4000000a);

        Assert.Equal(0u, before.Eax & 0xffff);
        Assert.Equal((eax, ebx), (after.Eax, after.Ebx));
        Assert.Equal(Errno.EFAULT, vcpu.EnableCapability(KvmCapability.HypervEnlightenedVmcs).Errno);
    }

    [Fact]
    public void R4_evmcs_cannot_be_enabled_on_amd_or_without_hyperv()
    {
        Assert.Equal(Errno.ENOTTY, Bench.Vcpu(Hosts.AmdMax("6.1.192")).EnableEnlightenedVmcs().Errno);
        KvmAnswer<ushort> without = Bench.Vcpu(Hosts.Skx("6.12.117").With("hyperv.support", "absent")).EnableEnlightenedVmcs();
        Assert.Equal((Errno.EINVAL, "evmcs.enable.absent"), (without.Errno, without.Rule?.Id));
    }

    [Theory]
    [InlineData(true, true, "ok")]
    [InlineData(true, false, "EINVAL")]
    [InlineData(false, false, "EINVAL")]
    public void R4_nested_state_with_the_evmcs_flag(bool intel, bool enable, string answer)
    {
        HostSnapshot host = intel ? Hosts.Skx("6.1.192") : Hosts.AmdMax("6.1.192");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        if (enable)
        {
            Assert.True(vcpu.EnableEnlightenedVmcs().Ok);
        }

        byte[] state = new byte[128];
        Assert.Equal(128, vcpu.GetNestedState(state).Value);
        state[0] |= 4;

        Assert.Equal(answer, vcpu.SetNestedState(state).ToString());
    }

    [Theory]
    [InlineData("5.10.218", 0, false, "0x0")]
    [InlineData("6.1.192", 4096, true, "0x21f")]
    [InlineData("6.12.117", 4096, true, "0x21f")]
    public void R1_sizes_attributes_and_reserved_words(string release, int size, bool attribute, string words)
    {
        ModelSystem system = Bench.System(Hosts.AmdMax(release));

        Assert.Equal(size, system.CreateVm().Value.CheckExtension(KvmCapability.Xsave2).Value);
        Assert.Equal(attribute ? Errno.None : Errno.EINVAL, system.GetXcompGuestSupp().Errno);
        Assert.Equal(Hex(words), BinaryPrimitives.ReadUInt64LittleEndian(Bench.Get(Bench.Vcpu(system)).AsSpan(464)));
    }

    [Theory]
    [InlineData("5.10.218")]
    [InlineData("6.1.192")]
    [InlineData("6.12.117")]
    public void R1_the_bytes_of_a_component_that_is_not_promised_are_zero(string release)
    {
        HostSnapshot host = Hosts.AmdMax(release);
        IKvmVcpu lacks = Bench.Vcpu(host, Hosts.Guest(host, 0x200));
        IKvmVcpu has = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.True(lacks.SetXsave(Bench.Image(0x203)).Ok);
        Assert.True(has.SetXsave(Bench.Image(0x203)).Ok);

        Assert.False(Bench.Get(lacks).AsSpan(2688, 8).ContainsAnyExcept((byte)0));
        Assert.Equal(0x55555555u, BinaryPrimitives.ReadUInt32LittleEndian(Bench.Get(has).AsSpan(2688)));
        Assert.Equal(Errno.EINVAL, lacks.SetXcrs(State.KvmXcrs.Xcr0(0x203)).Errno);
    }

    /// <summary>R3: the stream that G1 leaked, loaded into each generation and saved again.</summary>
    [Theory]
    [InlineData("G3b", "ok", 0x7ul)]
    [InlineData("G1", "ok", 0x207ul)]
    [InlineData("G2b", "EINVAL", 0x0ul)]
    public void R3_a_leaked_image_loaded_and_saved_again(string generation, string answer, ulong saved)
    {
        HostSnapshot leaking = Hosts.AmdMax("6.1.192").As("G1");
        IKvmVcpu source = Bench.Vcpu(leaking, Hosts.Guest(leaking, 0x200));
        Assert.True(source.SetXsave(Bench.Image(0x207)).Ok);
        byte[] leaked = Bench.Get(source);
        Assert.Equal(0x207ul, Bench.Bv(leaked));
        HostSnapshot host = Hosts.AmdMax("6.1.192").As(generation);
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host, 0x200));

        Assert.Equal(answer, vcpu.SetXsave(leaked).ToString());
        Assert.Equal(saved, Bench.Bv(Bench.Get(vcpu)));
    }

    /// <summary>R3: with MPX on the outer CPU the leak is 0x217, whose bit 4 no generation takes.</summary>
    [Theory]
    [InlineData("G0")]
    [InlineData("G1")]
    [InlineData("G2b")]
    [InlineData("G3b")]
    public void R3_half_of_mpx_is_refused_by_every_generation(string generation)
    {
        HostSnapshot host = Hosts.AmdMax("6.1.192").As(generation);

        Assert.Equal(Errno.EINVAL, Bench.Vcpu(host, Hosts.Guest(host, 0x200)).SetXsave(Bench.Image(0x217)).Errno);
    }

    /// <summary>R5: the headers seen, set and read back.</summary>
    [Theory]
    [InlineData(0x5, 4224, 0x1000ul, ulong.MaxValue)]
    [InlineData(0x1, 4224, 0x1000ul, 0x2000ul)]
    [InlineData(0x1, 8320, 0x1000ul, 0x2000ul)]
    [InlineData(0x0, 128, 0x1000ul, ulong.MaxValue)]
    public void R5_nested_state_headers_round_trip(ushort flags, int size, ulong vmxon, ulong vmcs12)
    {
        HostSnapshot host = Hosts.Skx("6.1.192");
        IKvmVcpu vcpu = Bench.Vcpu(host, WithHyperv(host, "ebx1"));
        Assert.True(vcpu.EnableEnlightenedVmcs().Ok);
        byte[] state = NestedStates.Vmx(flags, size, vmxon, vmcs12);

        Assert.Equal(KvmAnswer.Done, vcpu.SetNestedState(state));
        byte[] read = new byte[8320];
        Assert.Equal(size, vcpu.GetNestedState(read).Value);
        Assert.Equal(state, read[..size]);
    }

    private static CpuidTable WithHyperv(HostSnapshot host, string word)
    {
        CpuidTable table = Hosts.Guest(host);
        if (word == "none")
        {
            return table;
        }

        uint ebx = word == "ebx1" ? 1u : 0;
        return table.With(0x40000000, 0, new CpuidValues(0x4000000a, 0, 0, 0))
            .With(0x40000001, 0, new CpuidValues(0x31237648, 0, 0, 0))
            .With(0x4000000a, 0, new CpuidValues(0x101, ebx, 0, 0));
    }
}
