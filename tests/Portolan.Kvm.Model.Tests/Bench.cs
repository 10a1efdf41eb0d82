using System.Buffers.Binary;
using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Xunit;

namespace Portolan.Kvm.Model.Tests;

/// <summary>Shortcuts to a vCPU of a model and to its images.</summary>
internal static class Bench
{
    public static ModelSystem System(HostSnapshot host)
    {
        ModelSystem? system = ModelSystem.TryCreate(host, out ImmutableArray<string> missing);
        Assert.True(system is not null, string.Join(", ", missing));
        return system;
    }

    public static IKvmVcpu Vcpu(HostSnapshot host, CpuidTable? cpuid = null) => Vcpu(System(host), cpuid);

    public static IKvmVcpu Vcpu(ModelSystem system, CpuidTable? cpuid = null)
    {
        IKvmVcpu vcpu = system.CreateVm().Value.CreateVcpu(0).Value;
        if (cpuid is not null)
        {
            Assert.Equal(KvmAnswer.Done, vcpu.SetCpuid2(cpuid));
        }

        return vcpu;
    }

    /// <summary>A uapi image with every byte of the components' areas set to a pattern, a legal MXCSR, and this XSTATE_BV.</summary>
    public static byte[] Image(ulong bv, int size = 4096)
    {
        byte[] image = new byte[size];
        image.AsSpan(0, 24).Fill(0x55);
        image.AsSpan(32, 384).Fill(0x55);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x1f80);
        image.AsSpan(576).Fill(0x55);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(512), bv);
        return image;
    }

    public static ulong Bv(ReadOnlySpan<byte> image) => BinaryPrimitives.ReadUInt64LittleEndian(image[512..]);

    public static byte[] Get(IKvmVcpu vcpu, int size = 4096)
    {
        byte[] image = new byte[size];
        Assert.Equal(KvmAnswer.Done, size == 4096 ? vcpu.GetXsave(image) : vcpu.GetXsave2(image));
        return image;
    }
}
