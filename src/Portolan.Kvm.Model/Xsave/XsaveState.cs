using System.Buffers.Binary;
using System.Numerics;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Host;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Xsave;

/// <summary>
/// A vCPU's FPU state and its KVM_GET_XSAVE and KVM_SET_XSAVE. The state is kept as a standard-format image in which the area
/// of every component whose bit in XSTATE_BV is 0 holds its initial bytes, so that a GET is one copy and a few clears. It ends with
/// the last component that the vCPU can have: what follows in the uapi image is zeros.
/// </summary>
internal sealed partial class XsaveState(ModelHost host, XsavePolicy policy)
{
    private byte[]? _image;
    private XFeatureMask _bv;
    private uint _pkru;

    /// <summary>IA32_XFD: the dynamic components that are disabled.</summary>
    public XFeatureMask Xfd { get; private set; }

    /// <summary>The guest's PKRU: not part of the image's rules (contract X17).</summary>
    public uint Pkru => _pkru;

    /// <summary>XSTATE_BV as the vCPU has it, before any mask.</summary>
    public XFeatureMask Components => _bv;

    private ReadOnlySpan<byte> Image => _image ?? host.InitialImage;

    /// <summary>The legacy area of a vCPU that is all initial, with the host's own words in it; the rest is zeros.</summary>
    public static byte[] NewImage(ModelHost host)
    {
        byte[] image = new byte[UabiImage.LegacyEnd];
        BinaryPrimitives.WriteUInt16LittleEndian(image, UabiImage.InitialFcw);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(UabiImage.Mxcsr), UabiImage.InitialMxcsr);
        if (host.Behaviours.XsaveSwReserved == XsaveSwReserved.HostMask && host.HostXcr0 is { } mask)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(UabiImage.SwReserved), mask.Bits);
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(UabiImage.MxcsrMask), host.MxcsrMask ?? 0);
        }

        return image;
    }

    /// <summary>KVM_GET_XSAVE and KVM_GET_XSAVE2: contract X14 to X17 and X21.</summary>
    public KvmAnswer Get(Span<byte> image)
    {
        if (!host.HasXsave)
        {
            GetWithoutXsave(image);
            return KvmAnswer.Done;
        }

        if (policy.GetMask(out string missing) is not { } mask)
        {
            return MissingFact.Answer(missing);
        }

        ReadOnlySpan<byte> own = Image;
        own = own[..Math.Min(own.Length, image.Length)];
        own.CopyTo(image);
        image[own.Length..].Clear();
        XFeatureMask kept = _bv & mask;
        XFeatureMask trimmed = _bv.Except(mask);
        if (!trimmed.IsEmpty)
        {
            Trim(image, trimmed, kept);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(image[UabiImage.XstateBv..], kept.Bits);
        return KvmAnswer.Done;
    }

    /// <summary>KVM_SET_XSAVE: nothing changes unless the answer is done (contract X10).</summary>
    public KvmAnswer Set(ReadOnlySpan<byte> image)
    {
        if (image.Length < policy.UabiSize)
        {
            return new KvmAnswer(Errno.EFAULT, ClauseTable.XsaveSetBuffer);
        }

        XFeatureMask bv = new(BinaryPrimitives.ReadUInt64LittleEndian(image[UabiImage.XstateBv..]));
        if (!host.HasXsave)
        {
            return SetWithoutXsave(image, bv);
        }

        if (bv.Overlaps(Xfd))
        {
            switch (host.Behaviours.XsaveXfdClearsBv)
            {
                case XsaveXfdClearsBv.Yes:
                    bv = bv.Except(Xfd);
                    break;
                case null:
                    return MissingFact.Answer("xsave.xfd-clears-bv");
                default:
                    break;
            }
        }

        KvmAnswer checks = Check(image, bv);
        if (checks.Ok)
        {
            Load(image, bv);
        }

        return checks;
    }

    /// <summary>IA32_XFD was written: from generation G3b on, a disabled component is dropped at once (contract X26).</summary>
    public KvmAnswer SetXfd(XFeatureMask disabled)
    {
        if (_bv.Overlaps(disabled))
        {
            switch (host.Behaviours.XsaveXfdClearsBv)
            {
                case XsaveXfdClearsBv.Yes:
                    Clear(_bv & disabled);
                    break;
                case null:
                    return MissingFact.Answer("xsave.xfd-clears-bv");
                default:
                    break;
            }
        }

        Xfd = disabled;
        return KvmAnswer.Done;
    }

    private KvmAnswer Check(ReadOnlySpan<byte> image, XFeatureMask bv)
    {
        if (!bv.IsSubsetOf(host.SupportedXcr0))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.XsaveSetSupported);
        }

        if (policy.SetMask() is not { } mask)
        {
            return MissingFact.Answer("xsave.set-mask");
        }

        if (!bv.IsSubsetOf(mask))
        {
            return new KvmAnswer(Errno.EINVAL, policy.SetIsHeldToPromise ? ClauseTable.XsaveSetPromised : ClauseTable.XsaveSetEnabled);
        }

        KvmAnswer header = CheckHeader(image);
        return header.Ok ? CheckMxcsr(image, bv) : header;
    }

    private KvmAnswer CheckHeader(ReadOnlySpan<byte> image)
    {
        bool compacted = BinaryPrimitives.ReadUInt64LittleEndian(image[UabiImage.XcompBv..]) != 0;
        bool reserved = image[UabiImage.HeaderReserved..UabiImage.HeaderEnd].ContainsAnyExcept((byte)0);
        return (compacted || reserved, host.Behaviours.XsaveSetHeader) switch
        {
            (false, _) or (_, XsaveSetHeader.Lenient) => KvmAnswer.Done,
            (_, XsaveSetHeader.Strict) => new KvmAnswer(Errno.EINVAL, compacted ? ClauseTable.XsaveSetXcompBv : ClauseTable.XsaveSetReserved),
            _ => MissingFact.Answer("xsave.set-header"),
        };
    }

    private KvmAnswer CheckMxcsr(ReadOnlySpan<byte> image, XFeatureMask bv)
    {
        KvmAnswer judged = JudgeMxcsr(BinaryPrimitives.ReadUInt32LittleEndian(image[UabiImage.Mxcsr..]));
        if (judged.Ok || bv.Overlaps(XFeatures.LoadsMxcsr))
        {
            return judged;
        }

        return host.Behaviours.XsaveSetMxcsr switch
        {
            XsaveSetMxcsr.WhenLoaded => KvmAnswer.Done,
            XsaveSetMxcsr.Always => judged,
            _ => MissingFact.Answer("xsave.set-mxcsr"),
        };
    }

    /// <summary>Bits 15:0 are in every MXCSR_MASK of a 64-bit CPU; the host's mask decides about the others (contract X11).</summary>
    private KvmAnswer JudgeMxcsr(uint mxcsr)
    {
        if (mxcsr <= ushort.MaxValue)
        {
            return KvmAnswer.Done;
        }

        return host.MxcsrMask is not { } mask ? MissingFact.Answer("mxcsrMask")
            : (mxcsr & ~mask) == 0 ? KvmAnswer.Done
            : new KvmAnswer(Errno.EINVAL, ClauseTable.XsaveSetMxcsr);
    }

    private void Load(ReadOnlySpan<byte> image, XFeatureMask bv)
    {
        byte[] own = OwnImage();
        LoadLegacy(own, image, bv);
        for (ulong rest = (bv | _bv).Except(XFeatureMask.Legacy).Bits; rest != 0; rest &= rest - 1)
        {
            int component = BitOperations.TrailingZeroCount(rest);
            Span<byte> area = own.AsSpan(host.Layout.Offset(component), host.Layout.Size(component));
            if (bv[component])
            {
                image.Slice(host.Layout.Offset(component), area.Length).CopyTo(area);
            }
            else
            {
                area.Clear();
            }
        }

        if (bv[XFeatures.PkruIndex])
        {
            _pkru = BinaryPrimitives.ReadUInt32LittleEndian(image[host.Layout.Offset(XFeatures.PkruIndex)..]);
        }

        _bv = bv;
    }

    private void LoadLegacy(byte[] own, ReadOnlySpan<byte> image, XFeatureMask bv)
    {
        if (host.Behaviours.XsaveSwReserved == XsaveSwReserved.Untouched)
        {
            // Before 5.16 KVM copied the whole FXSAVE area, whatever XSTATE_BV said.
            image[..UabiImage.LegacyEnd].CopyTo(own);
            return;
        }

        if (bv.Overlaps(XFeatures.X87))
        {
            image[..UabiImage.X87End].CopyTo(own);
            image[UabiImage.X87Registers..UabiImage.Xmm].CopyTo(own.AsSpan(UabiImage.X87Registers));
        }
        else
        {
            ClearX87(own);
        }

        if (bv.Overlaps(XFeatures.SseOrAvx))
        {
            image[UabiImage.Mxcsr..UabiImage.MxcsrEnd].CopyTo(own.AsSpan(UabiImage.Mxcsr));
        }
        else
        {
            ClearMxcsr(own);
        }

        if (bv.Overlaps(XFeatures.Sse))
        {
            image[UabiImage.Xmm..UabiImage.XmmEnd].CopyTo(own.AsSpan(UabiImage.Xmm));
        }
        else
        {
            own.AsSpan(UabiImage.Xmm..UabiImage.XmmEnd).Clear();
        }
    }

    private byte[] OwnImage()
    {
        int size = policy.StateSize;
        if (_image is null || _image.Length < size)
        {
            byte[] grown = new byte[size];
            Image.CopyTo(grown);
            _image = grown;
        }

        return _image;
    }

    private void Clear(XFeatureMask components)
    {
        Trim(OwnImage(), components, _bv.Except(components));
        _bv = _bv.Except(components);
    }

    private void Trim(Span<byte> image, XFeatureMask trimmed, XFeatureMask kept)
    {
        if (trimmed.Overlaps(XFeatures.X87))
        {
            ClearX87(image);
        }

        if (trimmed.Overlaps(XFeatures.Sse))
        {
            image[UabiImage.Xmm..UabiImage.XmmEnd].Clear();
        }

        // Before 5.16 KVM copied the FXSAVE area whole, MXCSR with it.
        if (!kept.Overlaps(XFeatures.SseOrAvx) && host.Behaviours.XsaveSwReserved != XsaveSwReserved.Untouched)
        {
            ClearMxcsr(image);
        }

        for (ulong rest = trimmed.Except(XFeatureMask.Legacy).Bits; rest != 0; rest &= rest - 1)
        {
            int component = BitOperations.TrailingZeroCount(rest);
            image.Slice(host.Layout.Offset(component), host.Layout.Size(component)).Clear();
        }
    }

    private static void ClearX87(Span<byte> image)
    {
        image[..UabiImage.X87End].Clear();
        image[UabiImage.X87Registers..UabiImage.Xmm].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(image, UabiImage.InitialFcw);
    }

    private static void ClearMxcsr(Span<byte> image)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(image[UabiImage.Mxcsr..], UabiImage.InitialMxcsr);
        image[(UabiImage.Mxcsr + sizeof(uint))..UabiImage.MxcsrEnd].Clear();
    }

    private void GetWithoutXsave(Span<byte> image)
    {
        image.Clear();
        Image[..UabiImage.LegacyEnd].CopyTo(image);
        BinaryPrimitives.WriteUInt64LittleEndian(image[UabiImage.XstateBv..], XFeatureMask.Legacy.Bits);
    }

    private KvmAnswer SetWithoutXsave(ReadOnlySpan<byte> image, XFeatureMask bv)
    {
        if (!bv.IsSubsetOf(XFeatureMask.Legacy))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.XsaveSetWithoutXsave);
        }

        KvmAnswer mxcsr = JudgeMxcsr(BinaryPrimitives.ReadUInt32LittleEndian(image[UabiImage.Mxcsr..]));
        if (mxcsr.Ok)
        {
            image[..UabiImage.LegacyEnd].CopyTo(OwnImage());
            _bv = XFeatureMask.Legacy;
        }

        return mxcsr;
    }
}
