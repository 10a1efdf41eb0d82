using System.Buffers.Binary;
using CsCheck;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Xsave;

/// <summary>The rules of contract 1.3 to 1.5 beside the masks of the generations.</summary>
public sealed class XsaveRulesTests
{
    private const int Xsave2Amx = 11008;
    private static readonly string[] Generations = ["G0", "G1", "G2a", "G2b", "G3a", "G3b"];
    private static readonly string[] Names = ["skx", "amd", "spr"];

    [Theory]
    [InlineData("G0", "ok")]
    [InlineData("G1", "EINVAL")]
    [InlineData("G2a", "EINVAL")]
    [InlineData("G2b", "EINVAL")]
    [InlineData("G3a", "EINVAL")]
    [InlineData("G3b", "EINVAL")]
    public void X12_only_the_oldest_generation_takes_a_compacted_image_or_reserved_bytes(string generation, string expected)
    {
        HostSnapshot host = Hosts.Skx("6.1.192").As(generation);
        byte[] compacted = Bench.Image(0x7);
        compacted[527] = 0x80;
        byte[] reserved = Bench.Image(0x7);
        reserved[575] = 1;

        Assert.Equal(expected, Bench.Vcpu(host, Hosts.Guest(host)).SetXsave(compacted).ToString());
        Assert.Equal(expected, Bench.Vcpu(host, Hosts.Guest(host)).SetXsave(reserved).ToString());
    }

    [Theory]
    [InlineData("G0", 0x7u, "EINVAL")]
    [InlineData("G0", 0x20u, "EINVAL")]
    [InlineData("G3b", 0x1u, "EINVAL")]
    [InlineData("G3b", 0x2u, "EINVAL")]
    [InlineData("G3b", 0x4u, "EINVAL")]
    [InlineData("G3b", 0xe0u, "ok")]
    [InlineData("G3b", 0x0u, "ok")]
    public void X12_a_bad_mxcsr_matters_where_it_is_loaded(string generation, uint bv, string expected)
    {
        HostSnapshot host = Hosts.Skx("6.1.192").As(generation);
        byte[] image = Bench.Image(bv);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x11f80);

        Assert.Equal(expected, Bench.Vcpu(host, Hosts.Guest(host)).SetXsave(image).ToString());
    }

    [Fact]
    public void X11_mxcsr_bit_17_is_amds()
    {
        byte[] image = Bench.Image(0x3);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x21f80);
        HostSnapshot amd = Hosts.AmdMax("6.12.117");
        HostSnapshot intel = Hosts.Skx("6.12.117");

        Assert.True(Bench.Vcpu(amd, Hosts.Guest(amd)).SetXsave(image).Ok);
        KvmAnswer refused = Bench.Vcpu(intel, Hosts.Guest(intel)).SetXsave(image);
        Assert.Equal((Errno.EINVAL, "xsave.set.mxcsr"), (refused.Errno, refused.Rule?.Id));
        KvmAnswer unknown = Bench.Vcpu(intel with { MxcsrMask = null }, Hosts.Guest(intel)).SetXsave(image);
        Assert.Equal((true, "missing:mxcsrMask"), (unknown.IsUnknown, unknown.Rule?.Id));
    }

    [Fact]
    public void X3_a_short_buffer_faults()
    {
        HostSnapshot host = Hosts.Skx("6.1.192");

        Assert.Equal(Errno.EFAULT, Bench.Vcpu(host, Hosts.Guest(host)).SetXsave(new byte[4095]).Errno);
    }

    [Fact]
    public void X14_components_absent_from_the_image_become_initial()
    {
        HostSnapshot host = Hosts.Skx("6.1.192");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.True(vcpu.SetXsave(Bench.Image(0xe7)).Ok);
        Assert.True(vcpu.SetXsave(Bench.Image(0x4)).Ok);

        byte[] image = Bench.Get(vcpu);

        Assert.Equal(0x4ul, Bench.Bv(image));
        Assert.Equal(0x37f, BinaryPrimitives.ReadUInt16LittleEndian(image));
        Assert.False(image.AsSpan(160, 256).ContainsAnyExcept((byte)0));
        Assert.False(image.AsSpan(576, 256).ContainsAnyExcept((byte)0x55));
        Assert.False(image.AsSpan(1088, 1600).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void X17_pkru_stays_when_the_image_does_not_have_it()
    {
        HostSnapshot host = Hosts.AmdMax("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
        Assert.True(vcpu.SetXsave(Bench.Image(0x203)).Ok);
        Assert.True(vcpu.SetXsave(Bench.Image(0x3)).Ok);
        byte[] image = Bench.Image(0x203);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(2688), 7);

        Assert.Equal(0x55555555u, ((ModelVcpu)vcpu).Pkru);
        Assert.True(vcpu.SetXsave(image).Ok);
        Assert.Equal(7u, ((ModelVcpu)vcpu).Pkru);
    }

    [Fact]
    public void X13_a_host_without_xsave_takes_the_legacy_image_only()
    {
        HostSnapshot host = Hosts.WithoutXsave("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.GuestWithoutXsaveLeaf(host));

        Assert.Equal("xsave.set.without-xsave", vcpu.SetXsave(Bench.Image(0x7)).Rule?.Id);
        Assert.True(vcpu.SetXsave(Bench.Image(0x1)).Ok);
        Assert.Equal(3ul, Bench.Bv(Bench.Get(vcpu)));
        Assert.Equal("xcrs.without-xsave", vcpu.SetXcrs(State.KvmXcrs.Xcr0(1)).Rule?.Id);
    }

    [Fact]
    public void X32_the_image_of_a_host_without_xsave_is_refused_by_G2a_alone()
    {
        HostSnapshot old = Hosts.WithoutXsave("6.1.192");
        IKvmVcpu source = Bench.Vcpu(old, Hosts.GuestWithoutXsaveLeaf(old));
        byte[] image = Bench.Get(source);
        foreach ((string generation, bool accepted) in (ReadOnlySpan<(string, bool)>)[("G0", true), ("G1", true), ("G2a", false), ("G2b", true), ("G3b", true)])
        {
            HostSnapshot host = Hosts.Skx("6.1.192").As(generation);
            Assert.Equal(accepted, Bench.Vcpu(host, Hosts.GuestWithoutXsaveLeaf(host)).SetXsave(image).Ok);
        }
    }

    [Fact]
    public void X19_X24_amx_needs_permission_and_the_larger_image()
    {
        HostSnapshot host = Hosts.Spr("6.12.117");
        ModelSystem system = Bench.System(host);
        Assert.Equal(4096, system.CheckExtension(KvmCapability.Xsave2).Value);
        Assert.Equal(0x2e7u, system.GetSupportedCpuid().Value.GetOrZero(0xd).Eax);
        KvmAnswer without = Bench.Vcpu(Bench.System(host)).SetCpuid2(host.SupportedCpuid!.Value);
        Assert.Equal((Errno.EPERM, "cpuid.set.dynamic-permission"), (without.Errno, without.Rule?.Id));

        Assert.True(system.RequestXcompGuestPermission(18).Ok);
        IKvmVcpu vcpu = Bench.Vcpu(system, system.GetSupportedCpuid().Value);

        Assert.Equal(0x602e7u, system.GetSupportedCpuid().Value.GetOrZero(0xd).Eax);
        Assert.Equal(Xsave2Amx, system.CheckExtension(KvmCapability.Xsave2).Value);
        Assert.Equal("xsave.get.size", vcpu.GetXsave(new byte[4096]).Rule?.Id);
        Assert.Equal(Errno.EFAULT, vcpu.SetXsave(Bench.Image(0x602e7)).Errno);
        Assert.True(vcpu.SetXsave(Bench.Image(0x602e7, Xsave2Amx)).Ok);
        byte[] image = Bench.Get(vcpu, Xsave2Amx);
        Assert.Equal(0x602e7ul, Bench.Bv(image));
        Assert.False(image.AsSpan(2816, 8192).ContainsAnyExcept((byte)0x55));
    }

    [Theory]
    [InlineData(-1, Errno.EINVAL)]
    [InlineData(19, Errno.EINVAL)]
    [InlineData(17, Errno.EOPNOTSUPP)]
    [InlineData(2, Errno.EOPNOTSUPP)]
    [InlineData(18, Errno.None)]
    public void X23_permission_is_for_the_dynamic_component(int component, Errno expected)
        => Assert.Equal(expected, Bench.System(Hosts.Spr("6.12.117")).RequestXcompGuestPermission(component).Errno);

    [Fact]
    public void X23_permission_is_locked_by_the_first_vcpu_of_the_process()
    {
        ModelSystem system = Bench.System(Hosts.Spr("6.12.117"));
        _ = Bench.Vcpu(system);

        Assert.Equal((Errno.EBUSY, "permission.locked"), (system.RequestXcompGuestPermission(18).Errno, system.RequestXcompGuestPermission(18).Rule?.Id));
        Assert.True(system.AnotherProcess().RequestXcompGuestPermission(18).Ok);
        Assert.Equal(Errno.EOPNOTSUPP, Bench.System(Hosts.Skx("6.12.117")).RequestXcompGuestPermission(18).Errno);
    }

    [Theory]
    [InlineData("G3a", 0x602e7ul)]
    [InlineData("G3b", 0x202e7ul)]
    public void X26_a_disabled_component_is_dropped_from_G3b_on(string generation, ulong expected)
    {
        HostSnapshot host = Hosts.Spr("6.12.117").As(generation);
        foreach (bool xfdFirst in (ReadOnlySpan<bool>)[true, false])
        {
            ModelSystem system = Bench.System(host);
            Assert.True(system.RequestXcompGuestPermission(18).Ok);
            IKvmVcpu vcpu = Bench.Vcpu(system, system.GetSupportedCpuid().Value);
            MsrValue[] xfd = [new(0x1c4, 1 << 18)];
            Assert.Equal(xfdFirst ? 1 : 0, xfdFirst ? vcpu.SetMsrs(xfd).Value : 0);
            Assert.True(vcpu.SetXsave(Bench.Image(0x602e7, Xsave2Amx)).Ok);
            Assert.Equal(1, vcpu.SetMsrs(xfd).Value);

            Assert.Equal(expected, Bench.Bv(Bench.Get(vcpu, Xsave2Amx)));
        }
    }

    [Fact]
    public void X26_an_unknown_generation_is_unknown_only_where_it_decides()
    {
        HostSnapshot host = Hosts.Spr("6.12.117").Without("xsave.xfd-clears-bv");
        ModelSystem system = Bench.System(host);
        Assert.True(system.RequestXcompGuestPermission(18).Ok);
        IKvmVcpu vcpu = Bench.Vcpu(system, system.GetSupportedCpuid().Value);
        Assert.True(vcpu.SetXsave(Bench.Image(0x602e7, Xsave2Amx)).Ok);

        KvmAnswer<int> decided = vcpu.SetMsrs([new(0x1c4, 1 << 18)]);

        Assert.Equal((true, "missing:xsave.xfd-clears-bv"), (decided.IsUnknown, decided.Rule?.Id));
        Assert.True(Bench.Vcpu(host, Hosts.Guest(host, 0x40000)).SetXsave(Bench.Image(0x2e7)).Ok);
    }

    [Fact]
    public void X25_xfd_only_for_promised_dynamic_components()
    {
        HostSnapshot host = Hosts.Spr("6.12.117");
        IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host, 0x60000));

        Assert.Equal(0, vcpu.SetMsrs([new(0x1c4, 1 << 18)]).Value);
        Assert.Equal("msr.xfd", vcpu.LastMsrRefusal?.Id);
        Assert.Equal(1, vcpu.SetMsrs([new(0x1c4, 0)]).Value);
    }

    [Fact]
    public void What_get_returns_set_accepts_on_the_same_host()
        => (from generation in Gen.Int[0, Generations.Length - 1].Select(i => Generations[i])
            from hidden in Gen.ULong[0, 0x3ff]
            from bv in Gen.ULong[0, 0x3ff]
            from host in Gen.Int[0, Names.Length - 1].Select(i => Names[i])
            select (generation, hidden, bv, host)).Sample(
            sample =>
            {
                HostSnapshot host = Host(sample.host, sample.generation);
                IKvmVcpu source = Bench.Vcpu(host, Hosts.Guest(host, sample.hidden | 0x40000));
                _ = source.SetXsave(Bench.Image(sample.bv));
                byte[] image = Bench.Get(source);
                Assert.True(Bench.Vcpu(host, Hosts.Guest(host, sample.hidden | 0x40000)).SetXsave(image).Ok);
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void G3_get_is_within_promised_and_legacy_and_default()
        => (from hidden in Gen.ULong[0, 0x3ff]
            from bv in Gen.ULong
            select (hidden, bv)).Sample(
            sample =>
            {
                HostSnapshot host = Host("spr", "G3b");
                IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host, sample.hidden | 0x40000));
                ulong bv = sample.bv & 0x602e7;
                byte[] before = Bench.Get(vcpu);
                KvmAnswer answer = vcpu.SetXsave(Bench.Image(bv));
                byte[] after = Bench.Get(vcpu);
                ulong promised = 0x202e7 & ~sample.hidden;
                Assert.Equal(bv & ~0x202e7ul, answer.Ok ? 0 : bv & 0x40000);
                Assert.Equal(answer.Ok ? bv & (promised | 3) : Bench.Bv(before), Bench.Bv(after));
                Assert.True(answer.Ok || before.AsSpan().SequenceEqual(after));
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void X10_a_refused_header_changes_nothing()
        => (from place in Gen.Int[512, 575]
            from value in Gen.Byte[1, 255]
            select (place, value)).Sample(
            sample =>
            {
                HostSnapshot host = Hosts.AmdMax("6.12.117");
                IKvmVcpu vcpu = Bench.Vcpu(host, Hosts.Guest(host));
                Assert.True(vcpu.SetXsave(Bench.Image(0x203)).Ok);
                byte[] before = Bench.Get(vcpu);
                byte[] image = Bench.Image(0x207);
                image[sample.place] ^= sample.value;
                if (!vcpu.SetXsave(image).Ok)
                {
                    Assert.Equal(before, Bench.Get(vcpu));
                }
                else
                {
                    Assert.InRange(sample.place, 512, 519);
                    Assert.True(new XFeatureMask(Bench.Bv(image)).IsSubsetOf(new XFeatureMask(0x207)));
                }
            },
            iter: 300,
            threads: 1);

    private static HostSnapshot Host(string name, string generation) => (name switch
    {
        "amd" => Hosts.AmdMax("6.1.192"),
        "spr" => Hosts.Spr("6.1.192"),
        _ => Hosts.Skx("6.1.192"),
    }).As(generation);
}
