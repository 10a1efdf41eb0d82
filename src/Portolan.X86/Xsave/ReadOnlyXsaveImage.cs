using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Portolan.X86.Xsave;

/// <summary>
/// A standard-format XSAVE image in memory of somebody else: what KVM_GET_XSAVE and KVM_SET_XSAVE exchange (contract 1.1). Nothing
/// outside the span is ever read; all fields are little-endian.
/// </summary>
public readonly ref struct ReadOnlyXsaveImage
{
    private readonly ReadOnlySpan<byte> _bytes;

    internal ReadOnlyXsaveImage(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The image's bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The x87 control word.</summary>
    public ushort Fcw => Read16(XsaveOffsets.Fcw);

    /// <summary>The x87 status word.</summary>
    public ushort Fsw => Read16(XsaveOffsets.Fsw);

    /// <summary>The abridged x87 tag word: bit <c>i</c> set, register <c>i</c> is not empty.</summary>
    public byte Ftw => _bytes[XsaveOffsets.Ftw];

    /// <summary>The last x87 opcode.</summary>
    public ushort Fop => Read16(XsaveOffsets.Fop);

    /// <summary>The last x87 instruction pointer.</summary>
    public ulong Fip => Read64(XsaveOffsets.Fip);

    /// <summary>The last x87 data pointer.</summary>
    public ulong Fdp => Read64(XsaveOffsets.Fdp);

    /// <summary>MXCSR as it stands in the image, whether or not XSTATE_BV makes it count.</summary>
    public uint Mxcsr => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[XsaveOffsets.Mxcsr..]);

    /// <summary>MXCSR_MASK; KVM does not check it (contract X11).</summary>
    public uint MxcsrMask => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[XsaveOffsets.MxcsrMask..]);

    /// <summary>The components whose bytes count; the others are in their initial configuration (contract X16).</summary>
    public XFeatureMask XstateBv => new(Read64(XsaveOffsets.XstateBv));

    /// <summary>XCOMP_BV; 0 in the standard format.</summary>
    public ulong XcompBv => Read64(XsaveOffsets.XcompBv);

    /// <summary>The 48 bytes after XCOMP_BV, which must be zero.</summary>
    public ReadOnlySpan<byte> Reserved => _bytes[XsaveOffsets.Reserved..XsaveOffsets.End];

    /// <summary>The 48 bytes software may use; KVM ignores them on SET (contract X5).</summary>
    public ReadOnlySpan<byte> SoftwareReserved => _bytes[XsaveOffsets.SwReserved..XsaveOffsets.XstateBv];

    /// <summary>
    /// The user components of the kernel that wrote the image, as 5.16 and later leave them in bytes 464 to 471 (contract X5);
    /// empty where an older kernel wrote it. A hint: nothing holds software to it.
    /// </summary>
    public XFeatureMask ProvenanceHint => new(Read64(XsaveOffsets.SwReserved));

    /// <summary>Opens bytes as an image; shorter ones than the header's end are a fault.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> bytes, out ReadOnlyXsaveImage image, [NotNullWhen(false)] out XsaveFault? fault)
    {
        bool ok = bytes.Length >= XsaveOffsets.End;
        image = ok ? new(bytes) : default;
        fault = ok ? null : new XsaveFault(bytes.Length, $"{XsaveOffsets.End} bytes or more", $"the end after {bytes.Length}");
        return ok;
    }

    /// <summary>The 10 significant bytes of x87 register <paramref name="index"/> (0 to 7).</summary>
    public ReadOnlySpan<byte> St(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, XsaveOffsets.StCount);
        return _bytes.Slice(XsaveOffsets.St + (index * XsaveOffsets.StStride), XsaveOffsets.StBytes);
    }

    /// <summary>The 16 bytes of XMM register <paramref name="index"/> (0 to 15).</summary>
    public ReadOnlySpan<byte> Xmm(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, XsaveOffsets.XmmCount);
        return _bytes.Slice(XsaveOffsets.Xmm + (index * XsaveOffsets.XmmBytes), XsaveOffsets.XmmBytes);
    }

    /// <summary>
    /// The bytes of an extended component, whether or not XSTATE_BV makes them count. False where the layout has no place for it
    /// or the image ends before its end.
    /// </summary>
    public bool TryComponent(XsaveLayout layout, int component, out ReadOnlySpan<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(layout);
        bool ok = layout.TryGet(component, out XsaveComponent place) && !place.IsSupervisor && place.End <= _bytes.Length;
        bytes = ok ? _bytes.Slice(place.Offset, place.Size) : default;
        return ok;
    }

    /// <summary>
    /// The PKRU value the image carries; null where XSTATE_BV lacks it, which on SET leaves the vCPU's PKRU as it is (contract
    /// X17), or where the layout has no place for it.
    /// </summary>
    public uint? Pkru(XsaveLayout layout)
    {
        int pkru = XFeatureTable.Pkru.Component;
        return XstateBv[pkru] && TryComponent(layout, pkru, out ReadOnlySpan<byte> bytes) && bytes.Length >= sizeof(uint)
            ? BinaryPrimitives.ReadUInt32LittleEndian(bytes)
            : null;
    }

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[offset..]);

    private ulong Read64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[offset..]);
}
