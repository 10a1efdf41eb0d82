using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Portolan.X86.Xsave;

/// <summary>A standard-format XSAVE image that can be changed; read it through <see cref="View"/>.</summary>
public readonly ref struct XsaveImage
{
    private readonly Span<byte> _bytes;

    private XsaveImage(Span<byte> bytes) => _bytes = bytes;

    /// <summary>The image's bytes.</summary>
    public Span<byte> Bytes => _bytes;

    /// <summary>The same bytes, to read.</summary>
    public ReadOnlyXsaveImage View => new(_bytes);

    /// <summary>Opens bytes as an image; shorter ones than the header's end are a fault.</summary>
    public static bool TryOpen(Span<byte> bytes, out XsaveImage image, [NotNullWhen(false)] out XsaveFault? fault)
    {
        bool ok = ReadOnlyXsaveImage.TryOpen(bytes, out _, out fault);
        image = ok ? new(bytes) : default;
        return ok;
    }

    /// <summary>
    /// Makes the bytes what a fresh vCPU's image is: every component in its initial configuration, XSTATE_BV empty (contract X16).
    /// </summary>
    public void Clear()
    {
        _bytes.Clear();
        SetInitialX87();
        SetMxcsr(Mxcsr.Initial);
    }

    /// <summary>Writes XSTATE_BV.</summary>
    public void SetXstateBv(XFeatureMask components)
        => BinaryPrimitives.WriteUInt64LittleEndian(_bytes[XsaveOffsets.XstateBv..], components.Bits);

    /// <summary>Writes XCOMP_BV, which KVM wants to be 0.</summary>
    public void SetXcompBv(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(_bytes[XsaveOffsets.XcompBv..], value);

    /// <summary>Writes MXCSR; XSTATE_BV is not touched.</summary>
    public void SetMxcsr(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes[XsaveOffsets.Mxcsr..], value);

    /// <summary>Writes the x87 control word; XSTATE_BV is not touched.</summary>
    public void SetFcw(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_bytes[XsaveOffsets.Fcw..], value);

    /// <summary>The 16 bytes of XMM register <paramref name="index"/> (0 to 15).</summary>
    public Span<byte> Xmm(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, XsaveOffsets.XmmCount);
        return _bytes.Slice(XsaveOffsets.Xmm + (index * XsaveOffsets.XmmBytes), XsaveOffsets.XmmBytes);
    }

    /// <summary>The bytes of an extended component. False where the layout has no place for it or the image ends before its end.</summary>
    public bool TryComponent(XsaveLayout layout, int component, out Span<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(layout);
        bool ok = layout.TryGet(component, out XsaveComponent place) && !place.IsSupervisor && place.End <= _bytes.Length;
        bytes = ok ? _bytes.Slice(place.Offset, place.Size) : default;
        return ok;
    }

    /// <summary>Stores PKRU and sets its bit in XSTATE_BV, which makes SET load it (contract X17). False where it has no place.</summary>
    public bool TrySetPkru(XsaveLayout layout, uint value)
    {
        if (!TryComponent(layout, XFeatureTable.Pkru.Component, out Span<byte> bytes) || bytes.Length < sizeof(uint))
        {
            return false;
        }

        bytes.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        SetXstateBv(View.XstateBv | XFeatureTable.Pkru.Mask);
        return true;
    }

    internal void SetInitialX87()
    {
        _bytes[..XsaveOffsets.Mxcsr].Clear();
        _bytes[XsaveOffsets.St..XsaveOffsets.Xmm].Clear();
        SetFcw(X87.InitialFcw);
    }
}
