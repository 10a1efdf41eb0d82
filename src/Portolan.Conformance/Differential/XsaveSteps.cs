using System.Buffers.Binary;
using System.Globalization;
using Portolan.Kvm.Snapshot;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_SET_XSAVE and KVM_SET_XCRS near what the host supports.</summary>
internal sealed class XsaveSteps(HostSnapshot host)
{
    private const int MxcsrAt = 24, RegistersAt = 32, XmmEnd = 416, XcompBvAt = 520, HeaderEnd = 576;
    private readonly XFeatureMask _known = host.SupportedXcr0?.Value ?? XFeatureMask.Legacy;

    /// <summary>An image with some components, some bytes of their own, and sometimes a word in the header.</summary>
    public DifferentialStep<IKvmVcpu> SetXsave(Random random)
    {
        XFeatureMask bv = Components(random);
        uint mxcsr = random.Next(4) == 0 ? (uint)random.Next() : random.Next(4) == 0 ? (uint)random.Next(ushort.MaxValue) : CaseVcpu.InitialMxcsr;
        byte[] image = CaseVcpu.Image(bv, CaseVcpu.LegacyImage, mxcsr);
        string extra = Put(random, image, random.Next(RegistersAt, XmmEnd));
        extra += random.Next(4) == 0 ? Put(random, image, random.Next(XmmEnd)) : "";
        extra += random.Next(3) == 0 ? Put(random, image, random.Next(HeaderEnd, CaseVcpu.LegacyImage)) : "";
        extra += random.Next(6) == 0 ? Put(random, image, random.Next(XcompBvAt, HeaderEnd)) : "";
        uint loaded = BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(MxcsrAt));
        return new("KVM_SET_XSAVE", "KVM_SET_XSAVE", Words($"XSTATE_BV = {bv}, MXCSR = 0x{loaded:x}{extra}"), vcpu => StepAnswer.Of(vcpu.SetXsave(image)));
    }

    /// <summary>XCR0 of some components, rarely with flags, another register, or no entry.</summary>
    public DifferentialStep<IKvmVcpu> SetXcrs(Random random)
    {
        ulong value = Components(random).Bits | (random.Next(8) == 0 ? 0UL : 1UL);
        uint flags = random.Next(20) == 0 ? 1u : 0;
        uint register = random.Next(20) == 0 ? (uint)random.Next(1, 4) : 0;
        KvmXcrs xcrs = new(flags, random.Next(20) == 0 ? [] : [new KvmXcr(register, value)]);
        return new(
            "KVM_SET_XCRS", "KVM_SET_XCRS", Words($"XCR{register} = 0x{value:x}, flags {flags}, {xcrs.Entries.Length} entries"), vcpu => StepAnswer.Of(vcpu.SetXcrs(xcrs)));
    }

    private static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Put(Random random, byte[] image, int at)
    {
        image[at] = (byte)random.Next(1, 256);
        return Words($", byte {at} = 0x{image[at]:x2}");
    }

    /// <summary>Mostly what the host supports, sometimes a bit more.</summary>
    private XFeatureMask Components(Random random)
    {
        ulong bits = random.Next(3) == 0 ? _known.Bits : _known.Bits & (ulong)random.NextInt64();
        bits |= random.Next(3) == 0 ? 0UL : 3UL;
        return new XFeatureMask(random.Next(4) == 0 ? bits | (1UL << random.Next(64)) : bits);
    }
}
