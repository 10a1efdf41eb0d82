using System.Buffers.Binary;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Probing;

/// <summary>A fresh VM with one vCPU, and the few XSAVE questions that probes ask of it.</summary>
internal sealed class ProbeVcpu : IDisposable
{
    private const int ImageSize = 4096;
    private const int MxcsrOffset = 24;
    private const int SwReservedOffset = 464;
    private const int XstateBvOffset = 512;
    private const int XcompBvOffset = 520;
    private const uint InitialMxcsr = 0x1f80;

    private readonly IKvmVm _vm;

    private ProbeVcpu(IKvmVm vm, IKvmVcpu vcpu)
    {
        _vm = vm;
        Vcpu = vcpu;
    }

    internal IKvmVcpu Vcpu { get; }

    internal IKvmVm Vm => _vm;

    /// <summary>Creates the VM and the vCPU; with a table, SET_CPUID2 follows.</summary>
    internal static KvmAnswer<ProbeVcpu> Create(IKvmSystem system, CpuidTable? table = null)
    {
        KvmAnswer<IKvmVm> vm = system.CreateVm();
        if (!vm.Ok)
        {
            return vm.WithoutValue();
        }

        KvmAnswer<IKvmVcpu> vcpu = vm.Value.CreateVcpu(0);
        if (!vcpu.Ok)
        {
            vm.Value.Dispose();
            return vcpu.WithoutValue();
        }

        ProbeVcpu probe = new(vm.Value, vcpu.Value);
        KvmAnswer set = table is null ? KvmAnswer.Done : probe.Vcpu.SetCpuid2(table);
        if (set.Ok)
        {
            return probe;
        }

        probe.Dispose();
        return set;
    }

    /// <summary>SET_XSAVE of an image that is initial but for the header.</summary>
    internal KvmAnswer SetXsave(XFeatureMask xstateBv, ulong xcompBv = 0, uint mxcsr = InitialMxcsr)
    {
        byte[] image = new byte[ImageSize];
        BinaryPrimitives.WriteUInt16LittleEndian(image, 0x37f);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(MxcsrOffset), mxcsr);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XstateBvOffset), xstateBv.Bits);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XcompBvOffset), xcompBv);
        return Vcpu.SetXsave(image);
    }

    /// <summary>XSTATE_BV of GET_XSAVE.</summary>
    internal KvmAnswer<XFeatureMask> GetXstateBv() => Read(static image => new XFeatureMask(BinaryPrimitives.ReadUInt64LittleEndian(image[XstateBvOffset..])));

    /// <summary>Bytes 464 to 471 of GET_XSAVE.</summary>
    internal KvmAnswer<ulong> GetSwReserved() => Read(static image => BinaryPrimitives.ReadUInt64LittleEndian(image[SwReservedOffset..]));

    /// <summary>
    /// The bits of MXCSR that SET_XSAVE accepts (contract X11), found one by one: the MXCSR_MASK of an image is 0 on kernels before 5.16.
    /// Null where not even the initial MXCSR is accepted.
    /// </summary>
    internal uint? FindMxcsrMask()
    {
        if (!SetXsave(XFeatureMask.Legacy).Ok)
        {
            return null;
        }

        uint mask = 0;
        for (uint bit = 1; bit != 0; bit = unchecked(bit << 1))
        {
            mask |= SetXsave(XFeatureMask.Legacy, mxcsr: bit).Ok ? bit : 0;
        }

        return mask;
    }

    /// <summary>Host-initiated write of one MSR: was it taken?</summary>
    internal bool TrySetMsr(uint index, ulong value) => Vcpu.SetMsrs([new MsrValue(index, value)]) is { Ok: true, Value: 1 };

    /// <summary>Host-initiated read of one MSR; null if it was refused.</summary>
    internal ulong? TryGetMsr(uint index)
    {
        Span<MsrValue> entry = [new MsrValue(index, 0)];
        return Vcpu.GetMsrs(entry) is { Ok: true, Value: 1 } ? entry[0].Value : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Vcpu.Dispose();
        _vm.Dispose();
    }

    private delegate T ImageReader<T>(ReadOnlySpan<byte> image);

    private KvmAnswer<T> Read<T>(ImageReader<T> read)
    {
        byte[] image = new byte[ImageSize];
        KvmAnswer got = Vcpu.GetXsave(image);
        return got.Ok ? read(image) : got;
    }
}
